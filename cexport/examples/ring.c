/*
 * A ring of 20 integrate-and-fire neurons: each spike reaches the next neuron
 * 5 ms later, where it makes the next spike; one kick runs round for ever.
 *
 *   cc ring.c $(pkg-config --cflags --libs understudy) -o ring && ./ring
 *
 * C11, and C++17.
 */
#include <stdio.h>
#include <stdlib.h>

#include "understudy.h"

enum { N = 20, STEPS = 300, DELAY = 5, KICK = 10 };

static void check(int32_t status, const us_error *err) {
    if (status == US_OK) return;
    fprintf(stderr, "%s: %s\n", us_status_text(status), err->message);
    exit(1);
}

int main(void) {
    us_error err = US_ERROR_INIT;
    us_cell_options options = US_CELL_OPTIONS_INIT;
    us_population ring;
    check(us_cell_population_create("lif", N, &options, &ring, &err), &err);

    uint8_t spike[STEPS][N] = {{0}};
    us_output out = US_OUTPUT_INIT;
    out.capacity = N;
    for (int t = 0; t < STEPS; t++) {
        us_event events[N];
        uint64_t n = 0;
        for (int i = 0; i < N; i++) {
            int kick = t == KICK && i == 0;
            int from = (i + N - 1) % N;
            /* A spike of step s leaves at s + 1 ms. */
            int arrives = t > DELAY && spike[t - DELAY - 1][from];
            if (!kick && !arrives) continue;
            us_event *e = &events[n++];
            e->t_ms = t;
            e->neuron = i;
            e->channel = 0;
            e->weight = 20;
        }
        out.spike = spike[t];
        check(us_population_step(ring, 1, events, n, &out, &err), &err);
    }
    check(us_population_destroy(ring, &err), &err);

    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < N; i++) {
            if (spike[t][i]) printf("%d ms: neuron %d\n", t + 1, i);
        }
    }
    return 0;
}
