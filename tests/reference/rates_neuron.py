"""Measures the rates of gates in NEURON and writes them as JSON.

    python rates_neuron.py REQUEST.json OUT.json BUILD

REQUEST.json: dt_ms, and gates, each with the suffix of its mechanism, its name,
what it depends on ("v" or "cai") and at which values. BUILD is where
neuron_mechanisms.py compiled the mechanisms. OUT.json has for each gate the
steady state (inf) and the part of the way to it that one time step goes, 1 -
exp(-dt/tau) (fac). Both are measured on segments that a vast capacitance holds at
their voltage: the former after initialisation, the latter by one step from 0.
"""

import json
import sys

import neuron_mechanisms
from neuron import h


def measure(mechanism, gate, on, values, dt):
    sec = h.Section(name="clamp")
    sec.nseg, sec.cm, sec.Ra = len(values), 1e12, 1e12
    sec.insert(mechanism)
    state = f"{gate}_{mechanism}"
    for seg, value in zip(sec, values):
        seg.v = -65
        setattr(seg, on, value)
    h.finitialize()
    inf = [getattr(seg, state) for seg in sec]
    for seg in sec:
        setattr(seg, state, 0)
    h.dt = dt
    h.fadvance()
    for seg, value in zip(sec, values):
        assert abs(getattr(seg, on) - value) < 1e-9 * abs(value), f"{mechanism}: {on} went from {value} to {getattr(seg, on)}"
    return {"inf": inf, "fac": [getattr(seg, state) / x for seg, x in zip(sec, inf)]}


def main():
    neuron_mechanisms.load(sys.argv[3])
    with open(sys.argv[1]) as f:
        request = json.load(f)
    out = [measure(g["mechanism"], g["gate"], g["on"], g["values"], request["dt_ms"]) for g in request["gates"]]
    with open(sys.argv[2], "w") as f:
        json.dump(out, f)


main()
