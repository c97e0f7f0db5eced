/*
 * understudy.h - populations of model neurons, stepped 1 ms at a time.
 *
 * A population is N neurons of one model with shared parameters: a learned
 * surrogate (from a .safetensors model file) or a detailed cell. Both are
 * stepped, reset, saved and loaded by the same functions.
 *
 * Status. Every function returns an int32_t status: US_OK (0) or one of the
 * US_ERR_ codes below. After anything but US_OK every output argument is as it
 * was before the call, and so is the state of the population; exceptions are
 * named where there are any. The last argument, `err`, may be NULL; otherwise
 * a failing call stores its code and a message there, and a call that succeeds
 * leaves it alone.
 *
 * Handles. Models and populations are numbers, not pointers. 0 is never a
 * handle. A handle that was closed is never given out again, so its further
 * use is always US_ERR_HANDLE.
 *
 * Memory. The caller owns every buffer. Nothing is kept after a call returns.
 *
 * Threads. Any function may be called from any thread. One population is used
 * by one call at a time: a second one meanwhile returns US_ERR_BUSY at once.
 * Different populations run in parallel.
 *
 * fork(). The library does not work in the child of a fork(): every function
 * that returns a status returns US_ERR_FORKED there. Start workers by exec
 * (Python: multiprocessing "spawn").
 *
 * Signals. Loading the library starts a Go runtime, which installs handlers
 * (with SA_ONSTACK) for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and SIGURG. dlclose()
 * does not unload it.
 */
#ifndef UNDERSTUDY_H
#define UNDERSTUDY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header. us_version() and us_abi_version() tell the library's. */
#define US_VERSION_MAJOR 0
#define US_VERSION_MINOR 1
#define US_VERSION_PATCH 0

/* Grows when a struct, a code's meaning or a function changes incompatibly. */
#define US_ABI_VERSION 2

#if defined(__GNUC__)
#define US_API __attribute__((visibility("default")))
#else
#define US_API
#endif

/* Status codes. Numbers never change their meaning; new ones go at the end. */
#define US_OK 0
#define US_ERR_INPUT 1   /* an event, a length or an option is out of range */
#define US_ERR_FORMAT 2  /* a file or a saved state does not parse or does not fit */
#define US_ERR_CLOSED 3  /* the population was destroyed during the call */
#define US_ERR_STATE 4   /* the call is not possible now */
#define US_ERR_LIMIT 5   /* larger than what is accepted */
#define US_ERR_KERNEL 6  /* kernel name unknown, or this CPU lacks its feature */
#define US_ERR_NULL 7    /* a required pointer is NULL */
#define US_ERR_HANDLE 8  /* not the handle of an open model or population */
#define US_ERR_VERSION 9 /* size or abi_version of a struct is not known */
#define US_ERR_BUFFER 10 /* the buffer is too small */
#define US_ERR_BUSY 11   /* the population is in use by another call */
#define US_ERR_FORKED 12 /* called in the child of a fork() */
#define US_ERR_IO 13     /* a file cannot be opened or read */
#define US_ERR_INTERNAL 14 /* a defect of the library; the population can only be destroyed */

typedef uint64_t us_model;
typedef uint64_t us_population;

/* What went wrong. Set `size` before the first use: us_error e = US_ERROR_INIT; */
typedef struct us_error {
    uint32_t size; /* in: sizeof(us_error). Less than 16: nothing is stored. */
    int32_t code;  /* the status that the call returned */
    char message[504]; /* UTF-8, one line, ends with 0; cut where it does not fit */
} us_error;
#define US_ERROR_INIT { (uint32_t)sizeof(us_error), US_OK, "" }

/* One synaptic event. Events of one step may come in any order. */
typedef struct us_event {
    double t_ms;      /* time since the last reset [ms]: now <= t_ms < now + steps */
    int32_t neuron;   /* 0 <= neuron < N */
    int32_t channel;  /* 0 <= channel < channels */
    float weight;     /* 1 is one presynaptic spike; finite */
    uint32_t reserved; /* ignored */
} us_event;

/*
 * Where a step stores a further output of the model, a head: dendritic
 * voltages, say. us_model_info_json lists a model's heads with the number of
 * their channels, `count`, and their unit.
 */
typedef struct us_head {
    const char *name;  /* of the head; "spike" gives its value before the sigmoid */
    float *values;     /* row-major [step][neuron][channel], in the head's unit */
    uint64_t capacity; /* elements of values, at least steps * N * count */
} us_head;

/*
 * Where a step stores its results. Each array is NULL (not wanted) or has
 * `capacity` elements, at least steps * N; row-major [step][neuron]. Step k
 * covers [k, k+1) ms.
 */
typedef struct us_output {
    uint32_t size;     /* sizeof(us_output) */
    uint32_t n_heads;  /* elements of heads */
    uint64_t capacity; /* elements of each array that is not NULL */
    float *p_spike;    /* probability of a spike in step k; known at k+1 ms. Detailed: 0 or 1 */
    float *v_soma_mv;  /* soma voltage [mV] at k ms, the start of step k */
    uint8_t *spike;    /* 1 where the neuron emits a spike in step k, which leaves at k+1 ms, else 0 */
    const us_head *heads; /* further outputs; may be NULL if n_heads is 0 */
} us_output;
#define US_OUTPUT_INIT { (uint32_t)sizeof(us_output), 0, 0, NULL, NULL, NULL, NULL }

/* us_options.precision: the arithmetic of a surrogate. */
#define US_PRECISION_F32 0  /* 32-bit floating point */
#define US_PRECISION_INT8 1 /* integers, of a quantised model: the same bits on every CPU */
#define US_PRECISION_BF16 2 /* F32 but for matrix products, whose operands are rounded to bfloat16: fast with AMX */

/* us_options.spikes: what a spike is. */
#define US_SPIKES_THRESHOLD 0 /* p_spike reaches the model's threshold */
#define US_SPIKES_SAMPLE 1    /* drawn with probability p_spike from (seed, neuron, step) alone */

/* Options of a surrogate population. All 0 but the first two is good. */
typedef struct us_options {
    uint32_t size;        /* sizeof(us_options) */
    uint32_t abi_version; /* US_ABI_VERSION */
    const char *kernel;   /* name of the compute kernel; NULL: the best for this CPU */
    int32_t threads;      /* threads used by one step; 0: one */
    uint32_t precision;   /* US_PRECISION_ */
    uint32_t spikes;      /* US_SPIKES_ */
    uint32_t reserved;    /* 0 */
    uint64_t seed;        /* of US_SPIKES_SAMPLE; equal seeds give equal spikes */
} us_options;
#define US_OPTIONS_INIT { (uint32_t)sizeof(us_options), US_ABI_VERSION, NULL, 0, US_PRECISION_F32, US_SPIKES_THRESHOLD, 0, 0 }

/* Options of a detailed population. */
typedef struct us_cell_options {
    uint32_t size;        /* sizeof(us_cell_options) */
    uint32_t abi_version; /* US_ABI_VERSION */
    const char *morphology; /* path of a reconstruction, .swc or .asc; NULL: the cell's own */
    const char *synapses; /* excitatory synapses: "nmda" or "ampa"; NULL: "nmda" */
    const char *scheme;   /* "backward-euler" (NEURON's fixed step) or "crank-nicolson" (second order); NULL: the first */
    double dt_ms;         /* integration step [ms], divides 1; 0: 0.025 */
    int32_t threads;      /* threads used by one step; 0: one */
    uint32_t reserved;    /* 0 */
} us_cell_options;
#define US_CELL_OPTIONS_INIT { (uint32_t)sizeof(us_cell_options), US_ABI_VERSION, NULL, NULL, NULL, 0.0, 0, 0 }

#define US_KIND_DETAILED 1
#define US_KIND_SURROGATE 2

/* What a population is. Set `size` before the call. */
typedef struct us_info {
    uint32_t size;         /* in: sizeof(us_info) */
    int32_t kind;          /* US_KIND_ */
    int32_t n;             /* neurons */
    int32_t channels;      /* synaptic inputs per neuron */
    int64_t now;           /* steps (ms) done since the last reset */
    int64_t state_bytes;   /* bytes of state per neuron */
    double macs_per_ms;    /* multiply-accumulates per neuron and ms besides events; 0: not defined */
    double macs_per_event; /* multiply-accumulates per event; 0: not defined */
} us_info;
#define US_INFO_INIT { (uint32_t)sizeof(us_info), 0, 0, 0, 0, 0, 0.0, 0.0 }

/*
 * How much of a surrogate's input lay outside the range that its model saw in
 * training, since creation, reset or load. Set `size` before the call.
 */
typedef struct us_input_range {
    uint32_t size;           /* in: sizeof(us_input_range) */
    int32_t known;           /* 1; 0: the model records no range, and nothing counts as outside */
    int64_t steps;           /* steps (ms) done, over all neurons */
    int64_t steps_outside;   /* of these, with more or fewer events than in training */
    int64_t events;          /* events received */
    int64_t weights_outside; /* of these, with a weight outside that of training */
    int64_t max_events_per_ms; /* most events of one neuron in one step */
    float min_weight;        /* of the events received; 0 when there were none */
    float max_weight;
} us_input_range;
#define US_INPUT_RANGE_INIT { (uint32_t)sizeof(us_input_range), 0, 0, 0, 0, 0, 0, 0.0f, 0.0f }

#if defined(__cplusplus)
#define US_ASSERT(x) static_assert(x, #x)
#else
#define US_ASSERT(x) _Static_assert(x, #x)
#endif
US_ASSERT(sizeof(us_event) == 24);
US_ASSERT(offsetof(us_event, neuron) == 8);
US_ASSERT(offsetof(us_event, channel) == 12);
US_ASSERT(offsetof(us_event, weight) == 16);
US_ASSERT(sizeof(us_error) == 512);
US_ASSERT(sizeof(us_info) == 48);
US_ASSERT(sizeof(us_input_range) == 56);
#undef US_ASSERT

/*
 * The library's version as text, such as "0.1.0". The text lives as long as
 * the process. Works in the child of a fork().
 */
US_API const char *us_version(void);

/* The library's US_ABI_VERSION. Works in the child of a fork(). */
US_API uint32_t us_abi_version(void);

/*
 * A short English text for a status, never NULL; "unknown status" for a number
 * that is not one. The text lives as long as the process. Works in the child
 * of a fork().
 */
US_API const char *us_status_text(int32_t status);

/*
 * Opens the model file at `path` (UTF-8, 0-terminated) and checks it in full.
 * Stores a new handle in *model, to be closed by us_model_close.
 *   US_ERR_IO      the file cannot be read
 *   US_ERR_FORMAT  it is not a valid model; the message names the place
 *   US_ERR_LIMIT   it is larger than what is accepted
 *   US_ERR_NULL    path or model is NULL
 */
US_API int32_t us_model_open(const char *path, us_model *model, us_error *err);

/*
 * The same for a model file in memory. The bytes are copied.
 *   US_ERR_FORMAT, US_ERR_LIMIT, US_ERR_NULL  as us_model_open
 */
US_API int32_t us_model_open_bytes(const void *bytes, uint64_t size, us_model *model, us_error *err);

/*
 * Closes a model. Populations made from it go on working.
 *   US_ERR_HANDLE  not an open model
 */
US_API int32_t us_model_close(us_model model, us_error *err);

/*
 * Describes a model as a JSON document: name, channels, layers, receptive
 * field [ms], multiply-accumulates, threshold, int8 (whether US_PRECISION_INT8
 * is possible), heads, training range, provenance.
 * Two calls: with buffer NULL it stores the bytes needed, including the final
 * 0, in *size; with a buffer of `capacity` bytes it stores the text and in
 * *size the bytes written.
 *   US_ERR_BUFFER  capacity is too small; *size holds the bytes needed
 *   US_ERR_HANDLE  not an open model
 *   US_ERR_NULL    size is NULL
 */
US_API int32_t us_model_info_json(us_model model, char *buffer, uint64_t capacity, uint64_t *size, us_error *err);

/*
 * Makes a population of n neurons of a model, at t = 0. Stores a new handle in
 * *population, to be destroyed by us_population_destroy.
 *   US_ERR_VERSION options->size or options->abi_version is not known
 *   US_ERR_INPUT   n < 1, threads < 0, precision or spikes is unknown, reserved is not 0
 *   US_ERR_FORMAT  US_PRECISION_INT8 of a model that is not quantised, or has a layer without integer form
 *   US_ERR_LIMIT   n is larger than what is accepted
 *   US_ERR_KERNEL  options->kernel is unknown, or this CPU lacks its feature
 *   US_ERR_HANDLE  not an open model
 *   US_ERR_NULL    options or population is NULL
 */
US_API int32_t us_population_create(us_model model, int32_t n, const us_options *options,
                                    us_population *population, us_error *err);

/*
 * Makes a population of n detailed neurons of the built-in cell `name`
 * ("l5pc", "lif", "passive"), at t = 0. Stores a new handle in *population.
 *   US_ERR_VERSION options->size or options->abi_version is not known
 *   US_ERR_INPUT   no such cell, n < 1, an option is out of range
 *   US_ERR_IO, US_ERR_FORMAT  the morphology cannot be read or is not valid
 *   US_ERR_LIMIT   larger than what is accepted
 *   US_ERR_NULL    name, options or population is NULL
 */
US_API int32_t us_cell_population_create(const char *name, int32_t n, const us_cell_options *options,
                                         us_population *population, us_error *err);

/*
 * Advances by `steps` ms. `events` (may be NULL if n_events is 0) are those of
 * these steps, in any order; the result does not depend on the order, nor on
 * how a duration is cut into calls. `out` may be NULL. No memory is allocated
 * once the population has made a step of this length, unless heads are asked
 * for.
 *   US_ERR_INPUT   steps < 1; an event's time, neuron, channel or weight is out
 *                  of range or not finite; the message names the event. The
 *                  model has no such head, or one is asked for twice
 *   US_ERR_BUFFER  out->capacity < steps * N with an array that is not NULL, or
 *                  a head's capacity < steps * N * count
 *   US_ERR_LIMIT   steps, steps * N, n_events or n_heads is larger than what is
 *                  accepted
 *   US_ERR_VERSION out->size is not known
 *   US_ERR_NULL    events is NULL and n_events is not 0; heads is NULL and
 *                  n_heads is not 0; a head's name or values is NULL
 *   US_ERR_HANDLE  not an existing population
 *   US_ERR_BUSY    in use by another call
 */
US_API int32_t us_population_step(us_population population, int32_t steps,
                                  const us_event *events, uint64_t n_events,
                                  const us_output *out, us_error *err);

/*
 * Returns to the state just after creation, at t = 0.
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_reset(us_population population, us_error *err);

/*
 * Stores in *now the steps (ms) done since the last reset.
 *   US_ERR_NULL    now is NULL
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_now(us_population population, int64_t *now, us_error *err);

/*
 * Fills *info except info->size.
 *   US_ERR_NULL    info is NULL
 *   US_ERR_VERSION info->size is not known
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_info(us_population population, us_info *info, us_error *err);

/*
 * Fills *range except range->size. What lies outside the training range is
 * computed all the same, but the model was never checked there: look at this
 * before trusting a result.
 *   US_ERR_STATE   the population is not a surrogate
 *   US_ERR_NULL    range is NULL
 *   US_ERR_VERSION range->size is not known
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_input_range(us_population population, us_input_range *range, us_error *err);

/*
 * Says which neurons of a larger population these are: n = N numbers of at
 * least 0, instead of 0 to N-1. With US_SPIKES_SAMPLE each draws the spikes that it would draw
 * there, however the larger one is divided among threads or processes. The
 * numbers are copied; reset and load leave them.
 *   US_ERR_INPUT   n is not N, or a number is less than 0
 *   US_ERR_STATE   the population is not a surrogate
 *   US_ERR_NULL    numbers is NULL
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_set_numbers(us_population population, const int64_t *numbers, uint64_t n, us_error *err);

/*
 * Copies the whole dynamic state into buffer. Two calls, as
 * us_model_info_json: with buffer NULL it stores the bytes needed in *size;
 * otherwise it stores the state and in *size the bytes written.
 *   US_ERR_BUFFER  capacity is too small; *size holds the bytes needed
 *   US_ERR_NULL    size is NULL
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_save(us_population population, void *buffer, uint64_t capacity,
                                  uint64_t *size, us_error *err);

/*
 * Restores a state saved from a population of the same model, size and
 * options, after which both go on identically. The counts of
 * us_population_input_range start again at 0.
 *   US_ERR_FORMAT  the bytes are no such state, or of another population
 *   US_ERR_NULL    buffer is NULL
 *   US_ERR_HANDLE, US_ERR_BUSY
 */
US_API int32_t us_population_load(us_population population, const void *buffer, uint64_t size, us_error *err);

/*
 * Destroys a population and frees its memory.
 *   US_ERR_HANDLE  not an existing population
 *   US_ERR_BUSY    in use by another call; it is not destroyed
 */
US_API int32_t us_population_destroy(us_population population, us_error *err);

#ifdef __cplusplus
}
#endif

#endif /* UNDERSTUDY_H */
