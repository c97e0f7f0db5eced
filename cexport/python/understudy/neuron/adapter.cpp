// The populations behind the artificial cells of understudy.mod: a shared library between the mechanism,
// of which NEURON and CoreNEURON have a copy each, and libunderstudy. C functions only.
//
// A slot is one cell. A group is the cells of one population that one thread of the simulator runs: one
// population of libunderstudy, used by that thread alone while the simulator runs. Groups are formed anew
// by every finitialize: each cell's INITIAL block puts its slot into the group of its thread.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "understudy.h"

namespace {

// Times this little before a whole ms [ms] are that ms: sums of delays are not exact.
constexpr double kEpsilon = 1e-6;

struct Slot;

struct Group {
    int thread = 0;
    std::vector<Slot*> members;   // sorted by index once `ready`
    us_population handle = 0;
    bool ready = false;
    int64_t step = 0;             // the next to be done
    std::vector<us_event> now;    // of that step
    std::vector<us_event> next;   // of the one after it: they came at its very beginning
    std::vector<us_event> played; // of Population.played those of the members, by their places
    std::vector<float> p, v;
    std::vector<uint8_t> spike;

    ~Group() {
        if (handle) us_population_destroy(handle, nullptr);
    }
};

struct Population {
    us_model model;               // Python keeps it open
    us_options options;
    std::string kernel;
    std::vector<int64_t> numbers; // of its neurons among those of all processes
    std::vector<us_event> played; // recorded input, by steps: t_ms is whole
    int channels = 0;
    int cells = 0;                // slots
    bool owned = true;            // by Python's object
    std::map<int, std::unique_ptr<Group>> groups; // by thread
    std::string error;            // the first of a run; nothing is computed after it
};

struct Slot {
    Population* population;
    int number;                   // of the population
    int slot;                     // its own place in slots
    int index;                    // of the neuron in it
    void* cell = nullptr;         // its Point_process
    Group* group = nullptr;       // nullptr: no INITIAL yet
    int place = 0;                // in the group
};

// Changed by one thread while no simulation runs, but for `groups` and `error`, which have the mutex. Never
// destroyed: NEURON's cells may be later than this library's end.
auto& populations = *new std::map<int, std::unique_ptr<Population>>;
auto& slots = *new std::vector<std::unique_ptr<Slot>>;
auto& free_slots = *new std::vector<int>;
int last_population = 0;
bool every_cell = false; // has self-events: CoreNEURON
std::mutex mutex;

Slot* slot_at(int i) { return i >= 0 && i < (int)slots.size() ? slots[i].get() : nullptr; }

Population* population_at(int number) {
    auto it = populations.find(number);
    return it == populations.end() ? nullptr : it->second.get();
}

// The step that begins at or before t >= 0 [ms].
int64_t step_at(double t) { return (int64_t)(t + kEpsilon); }

std::string shown(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", x);
    return text;
}

int fail(Population* p, const std::string& text) {
    std::lock_guard<std::mutex> lock(mutex);
    if (p->error.empty()) p->error = text;
    return -1;
}

// Forgets a population that neither Python nor a cell needs.
void drop(int number) {
    Population* p = population_at(number);
    if (p && !p->owned && p->cells == 0) populations.erase(number);
}

// Makes the group's population of the library, at t = 0, or returns it there.
int begin(Population* p, Group* g) {
    us_error e = US_ERROR_INIT;
    std::sort(g->members.begin(), g->members.end(), [](const Slot* a, const Slot* b) { return a->index < b->index; });
    for (size_t i = 0; i < g->members.size(); ++i) g->members[i]->place = (int)i;
    us_options o = p->options;
    o.kernel = p->kernel.empty() ? nullptr : p->kernel.c_str();
    const size_t n = g->members.size();
    if (us_population_create(p->model, (int32_t)n, &o, &g->handle, &e) != US_OK) return fail(p, e.message);
    std::vector<int64_t> numbers;
    for (const Slot* s : g->members) numbers.push_back(p->numbers[s->index]);
    if (us_population_set_numbers(g->handle, numbers.data(), n, &e) != US_OK) return fail(p, e.message);
    std::map<int, int> place;
    for (const Slot* s : g->members) place[s->index] = s->place;
    g->played.clear();
    for (us_event event : p->played) {
        auto it = place.find(event.neuron);
        if (it == place.end()) continue;
        event.neuron = it->second;
        g->played.push_back(event);
    }
    g->p.assign(n, 0);
    g->v.assign(n, 0);
    g->spike.assign(n, 0);
    g->ready = true;
    return 0;
}

// A saved state: Header, then for each group GroupHeader, the indices of its members, the library's state,
// the events of `now` and of `next`. Of this machine's byte order: it is for going on, not for keeping.
struct Header {
    char magic[8];
    int64_t n, channels, groups;
};
struct GroupHeader {
    int64_t thread, members, step, bytes, now, next;
};
constexpr char kMagic[8] = {'u', 's', 'n', 'r', 'n', '0', '0', '1'};

template <class T>
void put(std::string& to, const T* from, size_t count) {
    to.append((const char*)from, count * sizeof(T));
}

struct Reader {
    const char* at;
    const char* end;
    template <class T>
    bool get(T* to, int64_t count) {
        if (count < 0 || count > (int64_t)((end - at) / sizeof(T))) return false;
        std::memcpy(to, at, count * sizeof(T));
        at += count * sizeof(T);
        return true;
    }
    template <class T>
    bool get(std::vector<T>& to, int64_t count) {
        if (count < 0 || count > (int64_t)((end - at) / sizeof(T))) return false;
        to.resize(count);
        return get(to.data(), count);
    }
};

bool good(const std::vector<us_event>& events, const Population* p, int64_t members, int64_t step) {
    return std::all_of(events.begin(), events.end(), [&](const us_event& e) {
        return e.t_ms == (double)step && e.neuron >= 0 && e.neuron < members && e.channel >= 0 && e.channel < p->channels && std::isfinite(e.weight);
    });
}

int32_t refuse(us_error* err, int32_t status, const char* text) {
    if (err) {
        err->code = status;
        std::snprintf(err->message, sizeof err->message, "%s", text);
    }
    return status;
}

} // namespace

extern "C" {

// Makes a population of n cells of a model, which stays open until understudy_alive is 0. numbers: of the
// cells, see us_population_set_numbers. Returns its number, above 0, or minus a status.
int understudy_population(us_model model, const us_options* options, int n, const int64_t* numbers, us_error* err) {
    us_population probe = 0;
    us_info info = US_INFO_INIT;
    int32_t status = us_population_create(model, n, options, &probe, err);
    if (status == US_OK) status = us_population_set_numbers(probe, numbers, n, err);
    if (status == US_OK) status = us_population_info(probe, &info, err);
    if (probe) us_population_destroy(probe, nullptr);
    if (status != US_OK) return -status;
    auto p = std::make_unique<Population>();
    p->model = model;
    p->options = *options;
    p->kernel = options->kernel ? options->kernel : "";
    p->numbers.assign(numbers, numbers + n);
    p->channels = info.channels;
    populations[++last_population] = std::move(p);
    return last_population;
}

int understudy_alive(int population) { return population_at(population) != nullptr; }

// Python's object is gone: so is the population, once its last cell is.
void understudy_release(int population) {
    Population* p = population_at(population);
    if (!p) return;
    p->owned = false;
    drop(population);
}

// Gives a population's neurons recorded events, of times at least 0, from the next finitialize on.
void understudy_play(int population, const us_event* events, uint64_t n) {
    Population* p = population_at(population);
    if (!p) return;
    for (uint64_t i = 0; i < n; ++i) {
        p->played.push_back(events[i]);
        p->played.back().t_ms = (double)step_at(events[i].t_ms);
    }
    std::stable_sort(p->played.begin(), p->played.end(), [](const us_event& a, const us_event& b) { return a.t_ms < b.t_ms; });
}

int understudy_attach(int population, int index) {
    Population* p = population_at(population);
    if (!p || index < 0 || index >= (int)p->numbers.size()) return -1;
    ++p->cells;
    int i = (int)slots.size();
    if (free_slots.empty()) {
        slots.push_back(nullptr);
    } else {
        i = free_slots.back();
        free_slots.pop_back();
    }
    slots[i] = std::make_unique<Slot>();
    slots[i]->population = p;
    slots[i]->number = population;
    slots[i]->slot = i;
    slots[i]->index = index;
    return i;
}

void understudy_detach(int slot) {
    Slot* s = slot_at(slot);
    if (!s) return;
    Population* p = s->population;
    const int number = s->number;
    if (Group* g = s->group) { // it cannot go on without the cell
        for (Slot* member : g->members) member->group = nullptr;
        p->groups.erase(g->thread);
    }
    slots[slot].reset();
    free_slots.push_back(slot);
    --p->cells;
    drop(number);
}

// A finitialize begins. each: every cell has self-events of its own. Returns whether the last run had an error.
int understudy_begin(int each) {
    bool failed = false;
    every_cell = each != 0;
    for (auto& s : slots) {
        if (s) s->group = nullptr;
    }
    for (auto& p : populations) {
        failed = failed || !p.second->error.empty();
        p.second->groups.clear();
        p.second->error.clear();
    }
    return failed;
}

// The INITIAL block of a cell. Returns 1 if the cell has to send itself the event of every ms, 0 if another
// does it for its group, -1 after an error.
int understudy_register(int slot, void* cell, int thread, double t) {
    Slot* s = slot_at(slot);
    if (!s) return -1;
    Population* p = s->population;
    if (t != 0) return fail(p, "initialised at t = " + shown(t) + " ms, expected 0");
    std::lock_guard<std::mutex> lock(mutex);
    if (s->group) { // a finitialize that understudy_begin was not told of
        p->error = "cells are initialised twice: import understudy.neuron before finitialize";
        return -1;
    }
    auto& g = p->groups[thread];
    if (!g) g = std::make_unique<Group>();
    g->thread = thread;
    s->group = g.get();
    s->cell = cell;
    g->members.push_back(s);
    return every_cell || g->members.size() == 1;
}

int understudy_event(int slot, double t, double channel, double weight) {
    Slot* s = slot_at(slot);
    if (!s) return -1;
    Population* p = s->population;
    if (!s->group) return fail(p, "neuron " + std::to_string(s->index) + ": an event before finitialize");
    Group* g = s->group;
    if (!g->ready && begin(p, g) != 0) return -1;
    const int64_t k = step_at(t);
    const int32_t c = channel > -1 && channel < p->channels ? (int32_t)channel : -1;
    if (c != channel)
        return fail(p, "neuron " + std::to_string(s->index) + ": channel " + shown(channel) + " of a connection, expected a whole number below " +
                           std::to_string(p->channels));
    if (!std::isfinite((float)weight))
        return fail(p, "neuron " + std::to_string(s->index) + ": weight " + shown(weight) + " of a connection");
    us_event e = {};
    e.t_ms = (double)k;
    e.neuron = s->place;
    e.channel = c;
    e.weight = (float)weight;
    if (k == g->step) {
        g->now.push_back(e);
    } else if (k == g->step + 1) {
        g->next.push_back(e);
    } else {
        return fail(p, "neuron " + std::to_string(s->index) + ": an event at " + shown(t) + " ms, in step " + std::to_string(g->step));
    }
    return 0;
}

// The self-event at t, the end of a step: does the step unless that is done.
int understudy_step(int slot, double t) {
    Slot* s = slot_at(slot);
    if (!s) return -1;
    Population* p = s->population;
    Group* g = s->group;
    if (!g) return fail(p, "neuron " + std::to_string(s->index) + ": stepped before finitialize");
    if (!g->ready && begin(p, g) != 0) return -1;
    const int64_t end = step_at(t);
    if (end == g->step) return 0; // another cell's self-event did it
    if (end != g->step + 1)
        return fail(p, "asked for the end of step " + std::to_string(end - 1) + " ms in step " + std::to_string(g->step) +
                           ": after restoring a state of NEURON's, restore the population's");
    auto earlier = [](const us_event& e, double step) { return e.t_ms < step; };
    auto from = std::lower_bound(g->played.begin(), g->played.end(), (double)end - 1, earlier);
    g->now.insert(g->now.end(), from, std::lower_bound(from, g->played.end(), (double)end, earlier));
    us_output out = US_OUTPUT_INIT;
    out.capacity = g->members.size();
    out.p_spike = g->p.data();
    out.v_soma_mv = g->v.data();
    out.spike = g->spike.data();
    us_error e = US_ERROR_INIT;
    if (us_population_step(g->handle, 1, g->now.data(), g->now.size(), &out, &e) != US_OK) return fail(p, e.message);
    ++g->step;
    g->now.swap(g->next);
    g->next.clear();
    return 0;
}

// 1: the cell's self-events stand for its whole group, 0: for the cell alone.
int understudy_led(int) { return every_cell ? 0 : 1; }

int understudy_members(int slot) { return (int)slots[slot]->group->members.size(); }

void* understudy_cell(int slot) { return slots[slot]->cell; }

int understudy_place(int slot) { return slots[slot]->place; }

// Of member i of the cell's group, in the step that is done: its slot and outputs; returns whether it emits a spike.
int understudy_outputs(int slot, int i, int* member, double* v_soma, double* p_spike) {
    const Group* g = slots[slot]->group;
    *member = g->members[i]->slot;
    *v_soma = g->v[i];
    *p_spike = g->p[i];
    return g->spike[i];
}

// Adds up us_population_input_range over the groups.
int32_t understudy_input_range(int population, us_input_range* range, us_error* err) {
    Population* p = population_at(population);
    if (!p) return refuse(err, US_ERR_HANDLE, "no such population");
    us_input_range sum = US_INPUT_RANGE_INIT;
    for (auto& [thread, g] : p->groups) {
        us_input_range r = US_INPUT_RANGE_INIT;
        if (!g->ready) continue;
        int32_t status = us_population_input_range(g->handle, &r, err);
        if (status != US_OK) return status;
        sum.known = r.known;
        if (r.events > 0) {
            sum.min_weight = sum.events > 0 ? std::min(sum.min_weight, r.min_weight) : r.min_weight;
            sum.max_weight = sum.events > 0 ? std::max(sum.max_weight, r.max_weight) : r.max_weight;
        }
        sum.steps += r.steps;
        sum.steps_outside += r.steps_outside;
        sum.events += r.events;
        sum.weights_outside += r.weights_outside;
        sum.max_events_per_ms = std::max(sum.max_events_per_ms, r.max_events_per_ms);
    }
    *range = sum;
    return US_OK;
}

// The state of all groups, by the pattern of two calls of understudy.h.
int32_t understudy_save(int population, char* buffer, uint64_t capacity, uint64_t* size, us_error* err) {
    Population* p = population_at(population);
    if (!p) return refuse(err, US_ERR_HANDLE, "no such population");
    Header h = {{}, (int64_t)p->numbers.size(), p->channels, (int64_t)p->groups.size()};
    std::memcpy(h.magic, kMagic, sizeof kMagic);
    std::string out;
    put(out, &h, 1);
    for (auto& [thread, g] : p->groups) {
        if (!g->ready && begin(p, g.get()) != 0) return refuse(err, US_ERR_STATE, p->error.c_str());
        uint64_t bytes = 0;
        int32_t status = us_population_save(g->handle, nullptr, 0, &bytes, err);
        if (status != US_OK) return status;
        std::string state(bytes, 0);
        if ((status = us_population_save(g->handle, state.data(), bytes, &bytes, err)) != US_OK) return status;
        GroupHeader gh = {thread, (int64_t)g->members.size(), g->step, (int64_t)bytes, (int64_t)g->now.size(), (int64_t)g->next.size()};
        put(out, &gh, 1);
        for (const Slot* s : g->members) {
            int64_t index = s->index;
            put(out, &index, 1);
        }
        put(out, state.data(), bytes);
        put(out, g->now.data(), g->now.size());
        put(out, g->next.data(), g->next.size());
    }
    *size = out.size();
    if (!buffer) return US_OK;
    if (capacity < out.size()) return refuse(err, US_ERR_BUFFER, "the buffer is too small");
    std::memcpy(buffer, out.data(), out.size());
    return US_OK;
}

// Restores it, once finitialize has formed the same groups. After an error all is as it was.
int32_t understudy_load(int population, const char* bytes, uint64_t size, us_error* err) {
    Population* p = population_at(population);
    if (!p) return refuse(err, US_ERR_HANDLE, "no such population");
    Reader r = {bytes, bytes + size};
    Header h;
    if (!r.get(&h, 1) || std::memcmp(h.magic, kMagic, sizeof kMagic) != 0) return refuse(err, US_ERR_FORMAT, "no saved state of understudy.neuron");
    if (h.n != (int64_t)p->numbers.size() || h.channels != p->channels) return refuse(err, US_ERR_FORMAT, "the state is of another population");
    if (h.groups != (int64_t)p->groups.size())
        return refuse(err, US_ERR_FORMAT, "the state was saved with another number of threads, or before finitialize");
    std::vector<std::unique_ptr<Group>> all;
    for (int64_t i = 0; i < h.groups; ++i) {
        GroupHeader gh;
        std::vector<int64_t> indices;
        std::vector<char> state;
        auto to = std::make_unique<Group>();
        if (!r.get(&gh, 1) || !r.get(indices, gh.members) || !r.get(state, gh.bytes) || !r.get(to->now, gh.now) || !r.get(to->next, gh.next))
            return refuse(err, US_ERR_FORMAT, "the state is cut short");
        auto it = p->groups.find((int)gh.thread);
        if (it == p->groups.end() || it->second->members.size() != indices.size())
            return refuse(err, US_ERR_FORMAT, "the state is of cells in other threads");
        to->thread = it->second->thread;
        to->members = it->second->members;
        if (begin(p, to.get()) != 0) return refuse(err, US_ERR_STATE, p->error.c_str());
        for (size_t k = 0; k < indices.size(); ++k) {
            if (to->members[k]->index != indices[k]) return refuse(err, US_ERR_FORMAT, "the state is of cells in other threads");
        }
        if (gh.step < 0 || !good(to->now, p, gh.members, gh.step) || !good(to->next, p, gh.members, gh.step + 1))
            return refuse(err, US_ERR_FORMAT, "the state has an event that no cell could have got");
        int32_t status = us_population_load(to->handle, state.data(), state.size(), err);
        if (status == US_OK) status = us_population_now(to->handle, &to->step, err);
        if (status != US_OK) return status;
        if (to->step != gh.step) return refuse(err, US_ERR_FORMAT, "the state is of two times");
        all.push_back(std::move(to));
    }
    if (r.at != r.end) return refuse(err, US_ERR_FORMAT, "the state is longer than it says");
    for (auto& to : all) {
        for (Slot* s : to->members) s->group = to.get();
        p->groups[to->thread] = std::move(to);
    }
    return US_OK;
}

// What went wrong in a cell's population.
const char* understudy_error(int slot) {
    Slot* s = slot_at(slot);
    if (!s) return "an Understudy cell that no population has made: use understudy.neuron.Population";
    Population* p = s->population;
    std::lock_guard<std::mutex> lock(mutex);
    return p->error.c_str();
}

// The same of a population, "" if nothing did.
const char* understudy_population_error(int population) {
    Population* p = population_at(population);
    return p ? p->error.c_str() : "";
}

} // extern "C"
