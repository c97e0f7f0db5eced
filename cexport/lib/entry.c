/* The public functions. Each refuses to work in the child of a fork(), where
 * entering Go could hang, and calls its Go half in main.go. */
#include "understudy.h"

#include <string.h>
#include <unistd.h>

#include "_cgo_export.h"

static pid_t loaded_in;

__attribute__((constructor)) static void note_process(void) { loaded_in = getpid(); }

static int32_t forked(us_error *err) {
    static const char text[] =
        "called in the child of a fork(): start workers by exec (Python: multiprocessing \"spawn\")";
    if (err != NULL && err->size >= 16) {
        size_t room = err->size - offsetof(us_error, message) - 1;
        size_t n = sizeof text - 1 < room ? sizeof text - 1 : room;
        err->code = US_ERR_FORKED;
        memcpy(err->message, text, n);
        err->message[n] = 0;
    }
    return US_ERR_FORKED;
}

#define CALL(f, ...) (getpid() != loaded_in ? forked(err) : f(__VA_ARGS__))

uint32_t us_abi_version(void) { return US_ABI_VERSION; }

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)
const char *us_version(void) {
    return TEXT(US_VERSION_MAJOR) "." TEXT(US_VERSION_MINOR) "." TEXT(US_VERSION_PATCH);
}

const char *us_status_text(int32_t status) {
    switch (status) {
    case US_OK: return "ok";
    case US_ERR_INPUT: return "an event, a length or an option is out of range";
    case US_ERR_FORMAT: return "a file or a saved state does not parse or does not fit";
    case US_ERR_CLOSED: return "the population was closed";
    case US_ERR_STATE: return "the call is not possible now";
    case US_ERR_LIMIT: return "larger than what is accepted";
    case US_ERR_KERNEL: return "kernel name unknown, or this CPU lacks its feature";
    case US_ERR_NULL: return "a required pointer is NULL";
    case US_ERR_HANDLE: return "not the handle of an open model or population";
    case US_ERR_VERSION: return "size or abi_version of a struct is not known";
    case US_ERR_BUFFER: return "the buffer is too small";
    case US_ERR_BUSY: return "the population is in use by another call";
    case US_ERR_FORKED: return "called in the child of a fork()";
    case US_ERR_IO: return "a file cannot be opened or read";
    case US_ERR_INTERNAL: return "a defect of the library; the population can only be destroyed";
    }
    return "unknown status";
}

int32_t us_model_open(const char *path, us_model *model, us_error *err) {
    return CALL(goModelOpen, (char *)path, model, err);
}

int32_t us_model_open_bytes(const void *bytes, uint64_t size, us_model *model, us_error *err) {
    return CALL(goModelOpenBytes, (void *)bytes, size, model, err);
}

int32_t us_model_close(us_model model, us_error *err) { return CALL(goModelClose, model, err); }

int32_t us_model_info_json(us_model model, char *buffer, uint64_t capacity, uint64_t *size, us_error *err) {
    return CALL(goModelInfoJSON, model, buffer, capacity, size, err);
}

int32_t us_population_create(us_model model, int32_t n, const us_options *options,
                             us_population *population, us_error *err) {
    return CALL(goPopulationCreate, model, n, (us_options *)options, population, err);
}

int32_t us_cell_population_create(const char *name, int32_t n, const us_cell_options *options,
                                  us_population *population, us_error *err) {
    return CALL(goCellPopulationCreate, (char *)name, n, (us_cell_options *)options, population, err);
}

int32_t us_population_step(us_population population, int32_t steps, const us_event *events, uint64_t n_events,
                           const us_output *out, us_error *err) {
    return CALL(goPopulationStep, population, steps, (us_event *)events, n_events, (us_output *)out, err);
}

int32_t us_population_reset(us_population population, us_error *err) {
    return CALL(goPopulationReset, population, err);
}

int32_t us_population_now(us_population population, int64_t *now, us_error *err) {
    return CALL(goPopulationNow, population, now, err);
}

int32_t us_population_info(us_population population, us_info *info, us_error *err) {
    return CALL(goPopulationInfo, population, info, err);
}

int32_t us_population_input_range(us_population population, us_input_range *range, us_error *err) {
    return CALL(goPopulationInputRange, population, range, err);
}

int32_t us_population_set_numbers(us_population population, const int64_t *numbers, uint64_t n, us_error *err) {
    return CALL(goPopulationSetNumbers, population, (int64_t *)numbers, n, err);
}

int32_t us_population_save(us_population population, void *buffer, uint64_t capacity, uint64_t *size,
                           us_error *err) {
    return CALL(goPopulationSave, population, buffer, capacity, size, err);
}

int32_t us_population_load(us_population population, const void *buffer, uint64_t size, us_error *err) {
    return CALL(goPopulationLoad, population, (void *)buffer, size, err);
}

int32_t us_population_destroy(us_population population, us_error *err) {
    return CALL(goPopulationDestroy, population, err);
}
