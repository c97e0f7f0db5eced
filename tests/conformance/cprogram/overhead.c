/*
 * Times calls of libunderstudy for BenchmarkOverhead: steps N idle neurons of a model by 1 ms, and
 * asks for the time, CALLS times each. Arguments: model file, N, CALLS. Prints the medians [ns].
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "understudy.h"

static void check(int32_t status, const us_error *err) {
    if (status == US_OK) return;
    fprintf(stderr, "%s: %s\n", us_status_text(status), err->message);
    exit(1);
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    const int n = atoi(argv[2]), calls = atoi(argv[3]);
    us_error err = US_ERROR_INIT;
    us_options options = US_OPTIONS_INIT;
    us_model model;
    us_population pop;
    check(us_model_open(argv[1], &model, &err), &err);
    check(us_population_create(model, n, &options, &pop, &err), &err);
    us_output out = US_OUTPUT_INIT;
    out.capacity = (uint64_t)n;
    out.spike = malloc((size_t)n);
    double *times = malloc((size_t)calls * sizeof *times);
    for (int kind = 0; kind < 2; kind++) {
        for (int i = 0; i < calls; i++) {
            int64_t now;
            const double start = now_ns();
            if (kind == 0) {
                check(us_population_step(pop, 1, NULL, 0, &out, &err), &err);
            } else {
                check(us_population_now(pop, &now, &err), &err);
            }
            times[i] = now_ns() - start;
        }
        qsort(times, (size_t)calls, sizeof *times, compare);
        printf("%.0f\n", times[calls / 2]);
    }
    return 0;
}
