/*
 * Misuses libunderstudy in every way that the header names, and checks status,
 * message, and that outputs and time are untouched. Argument: a model file.
 * Prints each failure; exit status 1 if there is one.
 *
 * Every caller's buffer has exactly the size that it is said to have, and lies in turn on the
 * heap, which AddressSanitizer watches, just before a page that may not be touched, and
 * just behind one: what the library touches beside it ends the program.
 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "understudy.h"

static int failures;

static void expect(const char *what, int32_t got, int32_t want, const us_error *err) {
    if (got != want) {
        printf("%s: status %d (%s: %s), expected %d\n", what, got, us_status_text(got), err ? err->message : "", want);
        failures++;
    }
    if (err != NULL && got != US_OK && (err->code != got || err->message[0] == 0)) {
        printf("%s: err holds code %d and message \"%s\"\n", what, err->code, err->message);
        failures++;
    }
}

static void that(const char *what, int ok) {
    if (!ok) {
        printf("%s: does not hold\n", what);
        failures++;
    }
}

#define EXPECT(want, call)                                     \
    do {                                                       \
        us_error err = US_ERROR_INIT;                          \
        us_error *e = &err;                                    \
        expect(#call, (call), want, e);                        \
    } while (0)

enum { N = 3, STEPS = 4, VALUES = N * STEPS };

static enum { HEAP, BEFORE_GUARD, BEHIND_GUARD, PLACES } place;

/* A buffer of `size` bytes in the present kind of place. The program is short: none is freed. */
static void *buffer(size_t size) {
    if (place == HEAP) return malloc(size);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page * page;
    char *at = mmap(NULL, pages + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + page, pages, PROT_READ | PROT_WRITE) != 0) abort();
    return at + page + (place == BEFORE_GUARD ? pages - size : 0);
}

static void *copied(const void *from, size_t size) { return memcpy(buffer(size), from, size); }

/* Outputs with known contents. */
static float *p, *v;
static uint8_t *s;

static us_output fresh(void) {
    us_output out = US_OUTPUT_INIT;
    p = buffer(VALUES * sizeof *p);
    v = buffer(VALUES * sizeof *v);
    s = buffer(VALUES);
    for (int i = 0; i < VALUES; i++) {
        p[i] = v[i] = -1234.5f;
        s[i] = 77;
    }
    out.capacity = VALUES;
    out.p_spike = p;
    out.v_soma_mv = v;
    out.spike = s;
    return out;
}

static int untouched(void) {
    for (int i = 0; i < VALUES; i++) {
        if (p[i] != -1234.5f || v[i] != -1234.5f || s[i] != 77) return 0;
    }
    return 1;
}

static void bad_step(const char *what, int32_t want, us_population pop, int32_t steps, const us_event *events, uint64_t n,
                     us_output out) {
    us_error err = US_ERROR_INIT;
    int64_t before = -1, after = -2;
    us_population_now(pop, &before, NULL);
    if (events != NULL && n < 10) events = copied(events, n * sizeof *events);
    expect(what, us_population_step(pop, steps, events, n, &out, &err), want, &err);
    us_population_now(pop, &after, NULL);
    that(what, untouched() && (before == after || want == US_ERR_HANDLE));
}

static void models(const char *path) {
    us_model m = 99;
    uint64_t size = 99;
    EXPECT(US_ERR_NULL, us_model_open(NULL, &m, e));
    EXPECT(US_ERR_NULL, us_model_open(path, NULL, e));
    EXPECT(US_ERR_IO, us_model_open("/nonexistent/model.safetensors", &m, e));
    EXPECT(US_ERR_NULL, us_model_open_bytes(NULL, 3, &m, e));
    EXPECT(US_ERR_NULL, us_model_open_bytes("abc", 3, NULL, e));
    EXPECT(US_ERR_FORMAT, us_model_open_bytes("abc", 3, &m, e));
    EXPECT(US_ERR_FORMAT, us_model_open_bytes("abc", 0, &m, e));
    EXPECT(US_ERR_LIMIT, us_model_open_bytes("abc", UINT64_MAX, &m, e));
    that("a failed open leaves the handle alone", m == 99);
    EXPECT(US_ERR_HANDLE, us_model_close(0, e));
    EXPECT(US_ERR_HANDLE, us_model_close(99, e));

    EXPECT(US_OK, us_model_open(path, &m, e));
    EXPECT(US_ERR_NULL, us_model_info_json(m, NULL, 0, NULL, e));
    EXPECT(US_OK, us_model_info_json(m, NULL, 0, &size, e));
    that("the description has a size", size > 2 && size < 8192);
    uint64_t need = size;
    char *text = buffer(need - 1);
    text[0] = 'x';
    EXPECT(US_ERR_BUFFER, us_model_info_json(m, text, need - 1, &size, e));
    that("a short buffer is left alone, the size is told", text[0] == 'x' && size == need);
    text = buffer(need);
    EXPECT(US_OK, us_model_info_json(m, text, need, &size, e));
    that("JSON with its final 0", size == need && text[0] == '{' && strlen(text) == size - 1);
    EXPECT(US_OK, us_model_close(m, e));
    EXPECT(US_ERR_HANDLE, us_model_close(m, e));
    size = 5;
    EXPECT(US_ERR_HANDLE, us_model_info_json(m, NULL, 0, &size, e));
    that("a stale handle leaves the size alone", size == 5);
    us_options o = US_OPTIONS_INIT;
    us_population pop = 99;
    EXPECT(US_ERR_HANDLE, us_population_create(m, N, &o, &pop, e));
    that("a closed model makes no population", pop == 99);
}

static void creation(us_model m) {
    us_population pop = 99;
    us_options o = US_OPTIONS_INIT;
    EXPECT(US_ERR_NULL, us_population_create(m, N, NULL, &pop, e));
    EXPECT(US_ERR_NULL, us_population_create(m, N, &o, NULL, e));
    EXPECT(US_ERR_INPUT, us_population_create(m, 0, &o, &pop, e));
    EXPECT(US_ERR_INPUT, us_population_create(m, -5, &o, &pop, e));
    EXPECT(US_ERR_LIMIT, us_population_create(m, INT32_MAX, &o, &pop, e));
    EXPECT(US_ERR_HANDLE, us_population_create(0, N, &o, &pop, e));
    o.size--;
    EXPECT(US_ERR_VERSION, us_population_create(m, N, &o, &pop, e));
    o.size = 0;
    EXPECT(US_ERR_VERSION, us_population_create(m, N, &o, &pop, e));
    o = (us_options)US_OPTIONS_INIT;
    o.abi_version++;
    EXPECT(US_ERR_VERSION, us_population_create(m, N, &o, &pop, e));
    o.abi_version = 1; /* before precision and spikes, in 24 bytes */
    o.size = 24;
    EXPECT(US_ERR_VERSION, us_population_create(m, N, &o, &pop, e));
    o = (us_options)US_OPTIONS_INIT;
    o.kernel = "no such kernel";
    EXPECT(US_ERR_KERNEL, us_population_create(m, N, &o, &pop, e));
    o.kernel = NULL;
    o.threads = -1;
    EXPECT(US_ERR_INPUT, us_population_create(m, N, &o, &pop, e));
    o.threads = 0;
    o.precision = 3;
    EXPECT(US_ERR_INPUT, us_population_create(m, N, &o, &pop, e));
    o.precision = US_PRECISION_INT8; /* the model is not quantised */
    EXPECT(US_ERR_FORMAT, us_population_create(m, N, &o, &pop, e));
    o.precision = US_PRECISION_F32;
    o.spikes = 2;
    EXPECT(US_ERR_INPUT, us_population_create(m, N, &o, &pop, e));
    o.spikes = US_SPIKES_THRESHOLD;
    o.reserved = 1;
    EXPECT(US_ERR_INPUT, us_population_create(m, N, &o, &pop, e));

    us_cell_options c = US_CELL_OPTIONS_INIT;
    EXPECT(US_ERR_NULL, us_cell_population_create(NULL, N, &c, &pop, e));
    EXPECT(US_ERR_NULL, us_cell_population_create("lif", N, NULL, &pop, e));
    EXPECT(US_ERR_NULL, us_cell_population_create("lif", N, &c, NULL, e));
    EXPECT(US_ERR_INPUT, us_cell_population_create("no such cell", N, &c, &pop, e));
    EXPECT(US_ERR_INPUT, us_cell_population_create("lif", 0, &c, &pop, e));
    c.morphology = "/nonexistent/cell.swc";
    EXPECT(US_ERR_IO, us_cell_population_create("passive", N, &c, &pop, e));
    c = (us_cell_options)US_CELL_OPTIONS_INIT;
    c.synapses = "no such synapses";
    EXPECT(US_ERR_INPUT, us_cell_population_create("passive", N, &c, &pop, e));
    c.synapses = NULL;
    c.scheme = "no such scheme";
    EXPECT(US_ERR_INPUT, us_cell_population_create("passive", N, &c, &pop, e));
    c.scheme = NULL;
    c.dt_ms = NAN;
    EXPECT(US_ERR_INPUT, us_cell_population_create("passive", N, &c, &pop, e));
    c.dt_ms = -1;
    EXPECT(US_ERR_INPUT, us_cell_population_create("passive", N, &c, &pop, e));
    c.dt_ms = 0;
    c.size = 8;
    EXPECT(US_ERR_VERSION, us_cell_population_create("passive", N, &c, &pop, e));
    that("a failed create leaves the handle alone", pop == 99);
}

/* Heads beside a step's outputs; "inner" has 8 channels in the model that the test passes. */
static void heads(us_population pop) {
    float *values = buffer(8 * VALUES * sizeof *values), *spike = buffer(VALUES * sizeof *spike);
    us_head two[2] = { { "inner", values, 8 * VALUES }, { "spike", spike, VALUES } };
    us_output out = US_OUTPUT_INIT;
    values[0] = spike[0] = -1234.5f;
    out.n_heads = 2;
    bad_step("heads NULL", US_ERR_NULL, pop, STEPS, NULL, 0, out);
    out.heads = two;
    out.n_heads = UINT32_MAX;
    bad_step("too many heads", US_ERR_LIMIT, pop, STEPS, NULL, 0, out);
    out.n_heads = 2;
    two[1].name = NULL;
    bad_step("a head without a name", US_ERR_NULL, pop, STEPS, NULL, 0, out);
    two[1].name = "no such head";
    bad_step("no such head", US_ERR_INPUT, pop, STEPS, NULL, 0, out);
    two[1] = two[0];
    bad_step("a head twice", US_ERR_INPUT, pop, STEPS, NULL, 0, out);
    two[1] = (us_head){ "spike", NULL, VALUES };
    bad_step("a head without values", US_ERR_NULL, pop, STEPS, NULL, 0, out);
    two[1] = (us_head){ "spike", spike, VALUES - 1 };
    bad_step("a head without room", US_ERR_BUFFER, pop, STEPS, NULL, 0, out);
    that("failed calls leave heads alone", values[0] == -1234.5f && spike[0] == -1234.5f);
    two[1].capacity = VALUES;
    EXPECT(US_OK, us_population_step(pop, STEPS, NULL, 0, &out, e));
    that("two heads", values[0] != -1234.5f && values[8 * VALUES - 1] != 0 && spike[VALUES - 1] != 0);
}

static void input_range(us_population pop) {
    us_input_range r = US_INPUT_RANGE_INIT;
    EXPECT(US_ERR_NULL, us_population_input_range(pop, NULL, e));
    r.size--;
    r.known = -7;
    EXPECT(US_ERR_VERSION, us_population_input_range(pop, &r, e));
    us_cell_options c = US_CELL_OPTIONS_INIT;
    us_population lif = 0;
    EXPECT(US_OK, us_cell_population_create("lif", 1, &c, &lif, e));
    r.size++;
    EXPECT(US_ERR_HANDLE, us_population_input_range(0, &r, e));
    EXPECT(US_ERR_STATE, us_population_input_range(lif, &r, e));
    us_head head = { "inner", p, VALUES };
    us_output out = US_OUTPUT_INIT;
    out.n_heads = 1;
    out.heads = &head;
    bad_step("a detailed population has no heads", US_ERR_INPUT, lif, 1, NULL, 0, out);
    const int64_t numbers[N] = { 5, 7, -1 };
    EXPECT(US_ERR_STATE, us_population_set_numbers(lif, numbers, 1, e));
    EXPECT(US_ERR_NULL, us_population_set_numbers(pop, NULL, N, e));
    EXPECT(US_ERR_INPUT, us_population_set_numbers(pop, numbers, N - 1, e));
    EXPECT(US_ERR_INPUT, us_population_set_numbers(pop, numbers, N, e));
    EXPECT(US_ERR_HANDLE, us_population_set_numbers(0, numbers, N, e));
    const int64_t large[N] = { 5, 7, INT64_MAX };
    EXPECT(US_OK, us_population_set_numbers(pop, large, N, e));
    EXPECT(US_OK, us_population_destroy(lif, e));
    that("a failed input_range leaves the counts alone", r.known == -7);
    EXPECT(US_OK, us_population_reset(pop, e));
    const us_event strong = { 1, 0, 0, 99, 0 };
    EXPECT(US_OK, us_population_step(pop, STEPS, &strong, 1, NULL, e));
    EXPECT(US_OK, us_population_input_range(pop, &r, e));
    that("one weight is out of range", r.known == 1 && r.steps == VALUES && r.steps_outside == 0 && r.events == 1 &&
                                           r.weights_outside == 1 && r.max_events_per_ms == 1 && r.max_weight == 99);
}

static void stepping(us_model m) {
    us_options o = US_OPTIONS_INIT;
    us_population pop = 0;
    EXPECT(US_OK, us_population_create(m, N, &o, &pop, e));
    us_info info = US_INFO_INIT;
    EXPECT(US_OK, us_population_info(pop, &info, e));
    that("info", info.kind == US_KIND_SURROGATE && info.n == N && info.channels > 0 && info.now == 0);

    us_event good = { 0.5, 0, 0, 1, 0 };
    us_output out = fresh();
    EXPECT(US_OK, us_population_step(pop, STEPS, copied(&good, sizeof good), 1, &out, e));
    that("all outputs are written, and no more", s[0] <= 1 && s[VALUES - 1] <= 1 && p[VALUES - 1] >= 0 && v[VALUES - 1] != -1234.5f);
    EXPECT(US_OK, us_population_step(pop, 1, NULL, 0, NULL, e));
    good.t_ms = 5.5;

    const struct { const char *what; us_event event; } table[] = {
        { "time of the past", { 4.999, 0, 0, 1, 0 } },
        { "time after the call", { 9, 0, 0, 1, 0 } },
        { "time NaN", { NAN, 0, 0, 1, 0 } },
        { "neuron N", { 5, N, 0, 1, 0 } },
        { "neuron -1", { 5, -1, 0, 1, 0 } },
        { "channel C", { 5, 0, info.channels, 1, 0 } },
        { "channel -1", { 5, 0, -1, 1, 0 } },
        { "weight NaN", { 5, 0, 0, NAN, 0 } },
        { "weight infinite", { 5, 0, 0, INFINITY, 0 } },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        us_event both[2] = { good, table[i].event };
        bad_step(table[i].what, US_ERR_INPUT, pop, STEPS, both, 2, fresh());
    }
    bad_step("no steps", US_ERR_INPUT, pop, 0, NULL, 0, fresh());
    bad_step("steps -1", US_ERR_INPUT, pop, -1, NULL, 0, fresh());
    bad_step("too many steps", US_ERR_LIMIT, pop, INT32_MAX, NULL, 0, fresh());
    bad_step("events NULL", US_ERR_NULL, pop, STEPS, NULL, 1, fresh());
    bad_step("too many events", US_ERR_LIMIT, pop, STEPS, &good, UINT64_MAX, fresh());
    out = fresh();
    out.capacity = VALUES - 1;
    bad_step("short outputs", US_ERR_BUFFER, pop, STEPS, &good, 1, out);
    out = fresh();
    out.size = 4;
    bad_step("outputs of unknown size", US_ERR_VERSION, pop, STEPS, &good, 1, out);
    bad_step("no such population", US_ERR_HANDLE, pop + 1000, STEPS, &good, 1, fresh());
    bad_step("handle of a model", US_ERR_HANDLE, m, STEPS, &good, 1, fresh());
    bad_step("handle 0", US_ERR_HANDLE, 0, STEPS, &good, 1, fresh());
    EXPECT(US_ERR_HANDLE, us_model_close(pop, e));

    int64_t now = -7;
    EXPECT(US_ERR_NULL, us_population_now(pop, NULL, e));
    EXPECT(US_ERR_NULL, us_population_info(pop, NULL, e));
    info.size = 12;
    info.n = -7;
    EXPECT(US_ERR_VERSION, us_population_info(pop, &info, e));
    that("info of unknown size is left alone", info.n == -7);

    uint64_t size = 0;
    EXPECT(US_ERR_NULL, us_population_save(pop, NULL, 0, NULL, e));
    EXPECT(US_OK, us_population_save(pop, NULL, 0, &size, e));
    char *state = buffer(size - 1);
    memset(state, 'x', size - 1);
    uint64_t told = 0;
    EXPECT(US_ERR_BUFFER, us_population_save(pop, state, size - 1, &told, e));
    that("a short save", told == size && state[0] == 'x' && state[size - 2] == 'x');
    state = buffer(size);
    EXPECT(US_OK, us_population_save(pop, state, size, &told, e));
    EXPECT(US_ERR_NULL, us_population_load(pop, NULL, size, e));
    EXPECT(US_ERR_FORMAT, us_population_load(pop, copied(state, size - 1), size - 1, e));
    EXPECT(US_ERR_FORMAT, us_population_load(pop, state, 0, e));
    state[size / 2] ^= 1;
    EXPECT(US_ERR_FORMAT, us_population_load(pop, state, size, e));
    state[size / 2] ^= 1;
    us_population other = 0;
    EXPECT(US_OK, us_population_create(m, N + 1, &o, &other, e));
    EXPECT(US_ERR_FORMAT, us_population_load(other, state, size, e));
    EXPECT(US_OK, us_population_destroy(other, e));
    EXPECT(US_OK, us_population_load(pop, state, size, e));

    /* An error without a buffer, and with a small one. */
    that("err may be NULL", us_population_step(pop, 0, NULL, 0, NULL, NULL) == US_ERR_INPUT);
    us_error *small = buffer(16);
    small->size = 16;
    that("a small err", us_population_step(pop, 0, NULL, 0, NULL, small) == US_ERR_INPUT && strlen(small->message) == 7);
    small->size = 15;
    small->code = 12345;
    that("an err too small", us_population_step(pop, 0, NULL, 0, NULL, small) == US_ERR_INPUT && small->code == 12345);

    heads(pop);
    input_range(pop);
    EXPECT(US_OK, us_population_destroy(pop, e));
    EXPECT(US_ERR_HANDLE, us_population_destroy(pop, e));
    EXPECT(US_ERR_HANDLE, us_population_reset(pop, e));
    EXPECT(US_ERR_HANDLE, us_population_now(pop, &now, e));
    that("a stale handle leaves now alone", now == -7);
    bad_step("stale handle", US_ERR_HANDLE, pop, STEPS, &good, 1, fresh());
}

/* The busy test: a thread makes long steps while main makes short ones. */
static us_population shared;
static volatile int stop;

static void *long_steps(void *arg) {
    int *ok = arg;
    while (!stop) {
        int32_t status = us_population_step(shared, 2000, NULL, 0, NULL, NULL);
        if (status != US_OK && status != US_ERR_BUSY) *ok = 0;
    }
    return NULL;
}

static void two_threads(us_model m) {
    us_options o = US_OPTIONS_INIT;
    EXPECT(US_OK, us_population_create(m, 50, &o, &shared, e));
    int ok = 1, busy = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, long_steps, &ok);
    for (int i = 0; i < 10000000 && busy < 100; i++) {
        int32_t status = us_population_step(shared, 1, NULL, 0, NULL, NULL);
        busy += status == US_ERR_BUSY;
        if (status != US_OK && status != US_ERR_BUSY) ok = 0;
    }
    stop = 1;
    pthread_join(thread, NULL);
    that("two threads in one population: busy", ok && busy > 0);
    EXPECT(US_OK, us_population_destroy(shared, e));
}

/* Every function, in the child of a fork. */
static void in_child(us_model m, us_population pop, const char *path) {
    us_model model = 99;
    us_population other = 99;
    us_options o = US_OPTIONS_INIT;
    us_cell_options c = US_CELL_OPTIONS_INIT;
    us_info info = US_INFO_INIT;
    us_input_range range = US_INPUT_RANGE_INIT;
    uint64_t size = 99;
    int64_t now = 99;
    char byte = 'x';
    EXPECT(US_ERR_FORKED, us_model_open(path, &model, e));
    EXPECT(US_ERR_FORKED, us_model_open_bytes(path, 1, &model, e));
    EXPECT(US_ERR_FORKED, us_model_info_json(m, &byte, 1, &size, e));
    EXPECT(US_ERR_FORKED, us_model_close(m, e));
    EXPECT(US_ERR_FORKED, us_population_create(m, N, &o, &other, e));
    EXPECT(US_ERR_FORKED, us_cell_population_create("lif", N, &c, &other, e));
    us_output out = fresh();
    EXPECT(US_ERR_FORKED, us_population_step(pop, STEPS, NULL, 0, &out, e));
    EXPECT(US_ERR_FORKED, us_population_reset(pop, e));
    EXPECT(US_ERR_FORKED, us_population_now(pop, &now, e));
    EXPECT(US_ERR_FORKED, us_population_info(pop, &info, e));
    EXPECT(US_ERR_FORKED, us_population_input_range(pop, &range, e));
    EXPECT(US_ERR_FORKED, us_population_save(pop, &byte, 1, &size, e));
    EXPECT(US_ERR_FORKED, us_population_load(pop, &byte, 1, e));
    EXPECT(US_ERR_FORKED, us_population_destroy(pop, e));
    that("a child leaves outputs alone", untouched() && model == 99 && other == 99 && size == 99 && now == 99 && byte == 'x' && info.n == 0 && range.steps == 0);
    us_error *small = buffer(16);
    small->size = 16;
    that("a small err in a child", us_population_reset(pop, small) == US_ERR_FORKED && strlen(small->message) == 7);
    that("version after fork", us_version()[0] != 0 && us_abi_version() == US_ABI_VERSION);
}

static void forked(us_model m, const char *path) {
    us_options o = US_OPTIONS_INIT;
    us_population pop = 0;
    EXPECT(US_OK, us_population_create(m, N, &o, &pop, e));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        in_child(m, pop, path);
        fflush(stdout);
        _exit(failures != 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    that("child of a fork", WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(US_OK, us_population_step(pop, STEPS, NULL, 0, NULL, e));
    EXPECT(US_OK, us_population_destroy(pop, e));
}

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)
#define VERSION TEXT(US_VERSION_MAJOR) "." TEXT(US_VERSION_MINOR) "." TEXT(US_VERSION_PATCH)

static void texts(void) {
    for (int32_t i = US_OK; i <= US_ERR_INTERNAL; i++) {
        that("every status has a text", strcmp(us_status_text(i), "unknown status") != 0);
    }
    that("other numbers have none", strcmp(us_status_text(-1), "unknown status") == 0 &&
                                        strcmp(us_status_text(US_ERR_INTERNAL + 1), "unknown status") == 0);
    that("version", us_abi_version() == US_ABI_VERSION && strcmp(us_version(), VERSION) == 0);
}

int main(int argc, char **argv) {
    us_model m = 0;
    if (argc != 2) return 2;
    texts();
    for (place = HEAP; place < PLACES; place++) {
        models(argv[1]);
        EXPECT(US_OK, us_model_open(argv[1], &m, e));
        creation(m);
        stepping(m);
        EXPECT(US_OK, us_model_close(m, e));
    }
    place = HEAP;
    EXPECT(US_OK, us_model_open(argv[1], &m, e));
    two_threads(m);
    forked(m, argv[1]);
    EXPECT(US_OK, us_model_close(m, e));
    return failures != 0;
}
