: Double-exponential conductance with an optional magnesium block, as
: plugin/mechanism/synapse.go describes it. An event of weight w adds
: w * gmax * (exp(-t/tau_decay) - exp(-t/tau_rise)) * norm, whose peak is w * gmax.

NEURON {
    POINT_PROCESS UnderstudySynapse
    RANGE tau_rise, tau_decay, gmax, e, mg, mg_mM, i
    NONSPECIFIC_CURRENT i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (nS) = (nanosiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    tau_rise = 1 (ms)
    tau_decay = 2 (ms)
    gmax = 1 (nS)
    e = 0 (mV)
    mg = 0 (/mV)    : steepness of the block, 0 for none
    mg_mM = 0 (mM)
}

ASSIGNED {
    v (mV)
    i (nA)
    norm
}

STATE { a b }

INITIAL {
    LOCAL peak
    peak = tau_rise * tau_decay / (tau_decay - tau_rise) * log(tau_decay / tau_rise)
    norm = 1 / (exp(-peak / tau_decay) - exp(-peak / tau_rise))
    a = 0
    b = 0
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = 1e-3 * gmax * (b - a) * open(v) * (v - e)
}

DERIVATIVE states {
    a' = -a / tau_rise
    b' = -b / tau_decay
}

FUNCTION open(v (mV)) {
    if (mg == 0) {
        open = 1
    } else {
        open = 1 / (1 + exp(-mg * v) * mg_mM / 3.57)
    }
}

NET_RECEIVE(w) {
    a = a + w * norm
    b = b + w * norm
}
