: One excitatory channel in Arbor's dialect: ../mod/ampa_nmda.mod.

NEURON {
    POINT_PROCESS ampa_nmda
    NONSPECIFIC_CURRENT i
    GLOBAL ampa_rise, ampa_decay, ampa_g, nmda_rise, nmda_decay, nmda_g, mg, mg_mM, e
}

UNITS {
    (mV) = (millivolt)
}

PARAMETER {
    ampa_rise = 1 (ms)
    ampa_decay = 2 (ms)
    ampa_g = 1
    nmda_rise = 1 (ms)
    nmda_decay = 2 (ms)
    nmda_g = 1
    mg = 0
    mg_mM = 1
    e = 0 (mV)
}

ASSIGNED { ampa_norm nmda_norm }

STATE { a b c d }

INITIAL {
    LOCAL p, q
    p = ampa_rise * ampa_decay / (ampa_decay - ampa_rise) * log(ampa_decay / ampa_rise)
    ampa_norm = 1 / (exp(-p / ampa_decay) - exp(-p / ampa_rise))
    q = nmda_rise * nmda_decay / (nmda_decay - nmda_rise) * log(nmda_decay / nmda_rise)
    nmda_norm = 1 / (exp(-q / nmda_decay) - exp(-q / nmda_rise))
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

NET_RECEIVE(w) {
    a = a + w * ampa_norm
    b = b + w * ampa_norm
    c = c + w * nmda_norm
    d = d + w * nmda_norm
}
