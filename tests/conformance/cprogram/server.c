/*
 * Answers requests on standard input by calls of libunderstudy: the C side of
 * TestC. All numbers are little-endian as in memory.
 *
 * Request: uint32 length, then that many bytes: uint8 verb, uint64 handle, arguments:
 *   M int32 n, uint32 precision, uint32 spikes, uint64 seed, model bytes
 *                               open the model, make n neurons, close the model
 *   C int32 n, name             make n neurons of a built-in cell
 *   S int32 steps, uint64 events, uint64 capacity, uint8 wanted (1 p, 2 v, 4 spike),
 *     uint8 length and name of a head (0: none), uint64 its capacity, events, then the
 *     present contents of the wanted outputs and of the head
 *   I input range   R reset   W save   L state  load   D destroy
 * Answer: int32 status, int64 now, uint32 length, message; uint32 length, result:
 *   M, C: uint64 handle, us_info; S: contents of the outputs after the call,
 *   whatever the status; I: us_input_range; W: the state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "understudy.h"

static void fail(const char *what) {
    fprintf(stderr, "server: %s\n", what);
    exit(1);
}

static void *room(size_t n) {
    void *p = malloc(n ? n : 1);
    if (p == NULL) fail("out of memory");
    return p;
}

/* take copies the next n bytes of the request. */
static const unsigned char *at, *end;
static void take(void *p, size_t n) {
    if ((size_t)(end - at) < n) fail("request is too short");
    if (n > 0) memcpy(p, at, n);
    at += n;
}

static void answer(int32_t status, us_population pop, const us_error *err, const void *result, uint32_t n) {
    int64_t now = -1;
    uint32_t length = status == US_OK ? 0 : (uint32_t)strlen(err->message);
    if (status != US_OK && err->code != status) fail("err->code is not the status");
    if (pop != 0) us_population_now(pop, &now, NULL);
    fwrite(&status, 4, 1, stdout);
    fwrite(&now, 8, 1, stdout);
    fwrite(&length, 4, 1, stdout);
    fwrite(err->message, 1, length, stdout);
    fwrite(&n, 4, 1, stdout);
    if (n > 0) fwrite(result, 1, n, stdout);
    if (fflush(stdout) != 0) exit(0); /* the test has gone */
}

static void made(int32_t status, us_population pop, us_error *err) {
    struct { uint64_t handle; us_info info; } result = { pop, US_INFO_INIT };
    if (status == US_OK) {
        status = us_population_info(pop, &result.info, err);
    }
    answer(status, pop, err, &result, sizeof result);
}

static void step(us_population pop) {
    us_error err = US_ERROR_INIT;
    us_output out = US_OUTPUT_INIT;
    us_head head = { NULL, NULL, 0 };
    char name[256] = "";
    int32_t steps, status;
    uint64_t n;
    uint8_t wanted, length;
    take(&steps, 4);
    take(&n, 8);
    take(&out.capacity, 8);
    take(&wanted, 1);
    take(&length, 1);
    take(name, length);
    take(&head.capacity, 8);
    us_event *events = room(n * sizeof *events); /* exact sizes, so that a sanitizer sees an overrun */
    take(events, n * sizeof *events);
    if (wanted & 1) take(out.p_spike = room(4 * out.capacity), 4 * out.capacity);
    if (wanted & 2) take(out.v_soma_mv = room(4 * out.capacity), 4 * out.capacity);
    if (wanted & 4) take(out.spike = room(out.capacity), out.capacity);
    if (length > 0) {
        head.name = name;
        take(head.values = room(4 * head.capacity), 4 * head.capacity);
        out.n_heads = 1;
        out.heads = &head;
    }
    status = us_population_step(pop, steps, n ? events : NULL, n, wanted || length ? &out : NULL, &err);

    unsigned char *result = room(9 * out.capacity + 4 * head.capacity), *to = result;
    if (wanted & 1) to = (unsigned char *)memcpy(to, out.p_spike, 4 * out.capacity) + 4 * out.capacity;
    if (wanted & 2) to = (unsigned char *)memcpy(to, out.v_soma_mv, 4 * out.capacity) + 4 * out.capacity;
    if (wanted & 4) to = (unsigned char *)memcpy(to, out.spike, out.capacity) + out.capacity;
    if (length) to = (unsigned char *)memcpy(to, head.values, 4 * head.capacity) + 4 * head.capacity;
    answer(status, pop, &err, result, (uint32_t)(to - result));
    free(result);
    free(events);
    free(out.p_spike);
    free(out.v_soma_mv);
    free(out.spike);
    free(head.values);
}

static void serve(void) {
    us_error err = US_ERROR_INIT;
    us_model model = 0;
    us_population pop = 0;
    int32_t n, status;
    uint64_t size = 0;
    unsigned char verb;
    take(&verb, 1);
    take(&pop, 8);
    switch (verb) {
    case 'M': {
        us_options options = US_OPTIONS_INIT;
        take(&n, 4);
        take(&options.precision, 4);
        take(&options.spikes, 4);
        take(&options.seed, 8);
        status = us_model_open_bytes(at, (uint64_t)(end - at), &model, &err);
        if (status == US_OK) {
            status = us_population_create(model, n, &options, &pop, &err);
            if (us_model_close(model, NULL) != US_OK) fail("model does not close");
        }
        made(status, pop, &err);
        return;
    }
    case 'C': {
        us_cell_options options = US_CELL_OPTIONS_INIT;
        char name[64] = "";
        take(&n, 4);
        if (end - at >= (long)sizeof name) fail("name is too long");
        take(name, (size_t)(end - at));
        status = us_cell_population_create(name, n, &options, &pop, &err);
        made(status, pop, &err);
        return;
    }
    case 'S':
        step(pop);
        return;
    case 'I': {
        us_input_range range = US_INPUT_RANGE_INIT;
        status = us_population_input_range(pop, &range, &err);
        answer(status, pop, &err, &range, sizeof range);
        return;
    }
    case 'R':
        status = us_population_reset(pop, &err);
        answer(status, pop, &err, NULL, 0);
        return;
    case 'W': {
        void *state = NULL;
        status = us_population_save(pop, NULL, 0, &size, &err);
        if (status == US_OK) status = us_population_save(pop, state = room(size), size, &size, &err);
        answer(status, pop, &err, state, (uint32_t)size);
        free(state);
        return;
    }
    case 'L':
        status = us_population_load(pop, at, (uint64_t)(end - at), &err);
        answer(status, pop, &err, NULL, 0);
        return;
    case 'D':
        status = us_population_destroy(pop, &err);
        answer(status, 0, &err, NULL, 0);
        return;
    }
    fail("no such verb");
}

int main(void) {
    uint32_t length;
    while (fread(&length, 4, 1, stdin) == 1) {
        unsigned char *request = room(length);
        if (fread(request, 1, length, stdin) != length) fail("request is cut off");
        at = request;
        end = request + length;
        serve();
        free(request);
    }
    return 0;
}
