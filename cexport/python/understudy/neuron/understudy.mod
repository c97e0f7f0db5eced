: A surrogate neuron as an artificial cell. Population in __init__.py makes them; NEURON.md is the manual.
:
: Step k, of the events with k <= t < k+1 ms, is done at t = k+1, when its spike leaves. Once a ms the
: library steps all cells of a population that a thread has: in NEURON at the self-event of one of them,
: the leader, which tells the others; in CoreNEURON, where no cell can speak for another, at the first of
: the self-events that all of them have.

NEURON {
    THREADSAFE
    ARTIFICIAL_CELL Understudy
    RANGE v_soma, p_spike, p_threshold, slot
}

PARAMETER {
    p_threshold = 0 : of p_spike; the model's
    slot = -1       : the cell's place in adapter.cpp
}

ASSIGNED {
    v_soma (millivolt) : soma voltage at t = k ms, known at k+1
    p_spike            : probability of a spike in step k, known at k+1
}

VERBATIM
extern "C" {
int understudy_register(int, void*, int, double);
int understudy_event(int, double, double, double);
int understudy_step(int, double);
int understudy_members(int);
void* understudy_cell(int);
int understudy_outputs(int, int, int*, double*, double*);
int understudy_place(int);
int understudy_led(int);
int understudy_attach(int, int);
void understudy_detach(int);
const char* understudy_error(int);
}

#ifndef NRNBBCORE
/* Of each slot where its v_soma and p_spike are, wherever NEURON moves them. */
static std::vector<neuron::container::data_handle<double>> understudy_shown;
#endif

static void understudy_fail(int which) {
#ifndef NRNBBCORE
    if (nrn_nthread > 1) { /* no exception may leave a thread */
        if (!stoprun) fprintf(stderr, "Understudy: %s\n", understudy_error(which));
        stoprun = 1;
        return;
    }
#endif
    hoc_execerror("Understudy:", understudy_error(which));
}
ENDVERBATIM

INITIAL {
    v_soma = 0
    p_spike = 0
    if (lead()) {
        net_send(1, 1)
    }
}

: 1 if this cell has self-events.
FUNCTION lead() {
    VERBATIM
#ifndef NRNBBCORE
    {
        Point_process* pnt = _ppvar[1].get<Point_process*>();
        int status = understudy_register((int)slot, pnt, ((NrnThread*)pnt->_vnt)->_id, t);
        if (status < 0) understudy_fail((int)slot);
        _llead = status > 0;
    }
#endif
    ENDVERBATIM
}

FUNCTION deliver(now (ms), ch, weight) {
    VERBATIM
    if (understudy_event((int)slot, _lnow, _lch, _lweight) != 0) understudy_fail((int)slot);
    _ldeliver = 0;
    ENDVERBATIM
}

: Steps the group. 1 if this cell itself has yet to emit a spike.
FUNCTION advance(now (ms)) {
    VERBATIM
    {
        _ladvance = 0;
        if (understudy_step((int)slot, _lnow) != 0) {
            understudy_fail((int)slot);
        } else if (understudy_led((int)slot)) {
#ifdef NRNBBCORE
            hoc_execerror("Understudy:", "set coreneuron.enable before h.finitialize");
#else
            int n = understudy_members((int)slot);
            for (int i = 0; i < n; ++i) {
                double soma, prob;
                int other, spike = understudy_outputs((int)slot, i, &other, &soma, &prob);
                *understudy_shown[2 * other] = soma;
                *understudy_shown[2 * other + 1] = prob;
                if (spike) net_event((Point_process*)understudy_cell(other), _lnow);
            }
#endif
        } else {
            double soma, prob;
            int self;
            _ladvance = understudy_outputs((int)slot, understudy_place((int)slot), &self, &soma, &prob);
            v_soma = soma;
            p_spike = prob;
        }
    }
    ENDVERBATIM
}

NET_RECEIVE(weight, channel) {
    INITIAL {
        channel = channel : without this block NEURON would set it to 0
    }
    if (flag == 1) {
        if (advance(t)) {
            net_event(t)
        }
        net_send(1, 1)
    } else {
        deliver(t, channel, weight)
    }
}

: Makes this cell neuron `index` of a population of adapter.cpp. Returns -1 where that is not possible.
FUNCTION attach(population, index) {
    VERBATIM
#ifndef NRNBBCORE
    int place = understudy_attach((int)_lpopulation, (int)_lindex);
    if (place >= 0) {
        Prop* prop = _ppvar[1].get<Point_process*>()->_prop;
        if (understudy_shown.size() < 2 * (size_t)place + 2) understudy_shown.resize(2 * (size_t)place + 2);
        understudy_shown[2 * place] = _nrn_mechanism_get_param_handle(prop, v_soma_columnindex);
        understudy_shown[2 * place + 1] = _nrn_mechanism_get_param_handle(prop, p_spike_columnindex);
    }
    slot = place;
    _lattach = place;
#endif
    ENDVERBATIM
}

DESTRUCTOR {
    VERBATIM
#ifndef NRNBBCORE
    understudy_detach((int)slot);
#endif
    ENDVERBATIM
}
