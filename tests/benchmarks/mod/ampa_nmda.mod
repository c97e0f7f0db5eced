: One excitatory channel: AMPA and NMDA driven by one event, as plugin/mechanism/synapse.go
: describes them. In one point process, with parameters that are the same for all, because
: that is cheaper for NEURON than two of the tests' general UnderstudySynapse.

NEURON {
    THREADSAFE
    POINT_PROCESS BenchAMPANMDA
    NONSPECIFIC_CURRENT i
    GLOBAL ampa_rise, ampa_decay, ampa_g, nmda_rise, nmda_decay, nmda_g, mg, mg_mM, e
    RANGE i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (nS) = (nanosiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    ampa_rise = 1 (ms)
    ampa_decay = 2 (ms)
    ampa_g = 1 (nS)
    nmda_rise = 1 (ms)
    nmda_decay = 2 (ms)
    nmda_g = 1 (nS)
    mg = 0 (/mV)
    mg_mM = 1 (mM)
    e = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    ampa_norm
    nmda_norm
}

STATE { a b c d }

INITIAL {
    ampa_norm = norm(ampa_rise, ampa_decay)
    nmda_norm = norm(nmda_rise, nmda_decay)
    a = 0
    b = 0
    c = 0
    d = 0
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = 1e-3 * (ampa_g * (b - a) + nmda_g * (d - c) / (1 + exp(-mg * v) * mg_mM / 3.57)) * (v - e)
}

DERIVATIVE states {
    a' = -a / ampa_rise
    b' = -b / ampa_decay
    c' = -c / nmda_rise
    d' = -d / nmda_decay
}

FUNCTION norm(rise (ms), decay (ms)) {
    LOCAL peak
    peak = rise * decay / (decay - rise) * log(decay / rise)
    norm = 1 / (exp(-peak / decay) - exp(-peak / rise))
}

NET_RECEIVE(w) {
    a = a + w * ampa_norm
    b = b + w * ampa_norm
    c = c + w * nmda_norm
    d = d + w * nmda_norm
}
