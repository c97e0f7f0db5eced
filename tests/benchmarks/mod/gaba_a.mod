: One inhibitory channel: GABA-A, as plugin/mechanism/synapse.go describes it.

NEURON {
    THREADSAFE
    POINT_PROCESS BenchGABAA
    NONSPECIFIC_CURRENT i
    GLOBAL gaba_rise, gaba_decay, gaba_g, e
    RANGE i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (nS) = (nanosiemens)
}

PARAMETER {
    gaba_rise = 1 (ms)
    gaba_decay = 2 (ms)
    gaba_g = 1 (nS)
    e = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    norm
}

STATE { a b }

INITIAL {
    LOCAL peak
    peak = gaba_rise * gaba_decay / (gaba_decay - gaba_rise) * log(gaba_decay / gaba_rise)
    norm = 1 / (exp(-peak / gaba_decay) - exp(-peak / gaba_rise))
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
