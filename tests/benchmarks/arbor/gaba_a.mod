: One inhibitory channel in Arbor's dialect: ../mod/gaba_a.mod.

NEURON {
    POINT_PROCESS gaba_a
    NONSPECIFIC_CURRENT i
    GLOBAL gaba_rise, gaba_decay, gaba_g, e
}

UNITS {
    (mV) = (millivolt)
}

PARAMETER {
    gaba_rise = 1 (ms)
    gaba_decay = 2 (ms)
    gaba_g = 1
    e = 0 (mV)
}

ASSIGNED { norm }

STATE { a b }

INITIAL {
    LOCAL p
    p = gaba_rise * gaba_decay / (gaba_decay - gaba_rise) * log(gaba_decay / gaba_rise)
    norm = 1 / (exp(-p / gaba_decay) - exp(-p / gaba_rise))
    a = 0
    b = 0
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = 1e-3 * gaba_g * (b - a) * (v - e)
}

DERIVATIVE states {
    a' = -a / gaba_rise
    b' = -b / gaba_decay
}

NET_RECEIVE(w) {
    a = a + w * norm
    b = b + w * norm
}
