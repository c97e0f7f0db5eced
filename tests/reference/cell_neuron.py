"""Runs cells in NEURON and writes voltages and spike times as JSON.

    python cell_neuron.py REQUEST.json OUT.json BUILD

REQUEST.json is written by cell_test.go: for each cell its sections (points,
parent, segments, passive properties, and every mechanism's parameters per segment), its
synapses, and the protocols to run. BUILD is where neuron_mechanisms.py compiled
channels and synapses. OUT.json has for each protocol the voltages [mV] of the
recorded places at every time step, unless it asks for spikes only, and the times
[ms] of upward crossings of -20 mV of the first of them, linearly interpolated.
"""

import json
import sys
import time

import neuron_mechanisms
from neuron import h

h.load_file("stdrun.hoc")


def set_parameter(seg, mechanism, name, value):
    target = getattr(seg, mechanism)
    if hasattr(target, name):
        setattr(target, name, value)
    else:  # one value for all segments, fixed in the MOD file
        fixed = getattr(h, f"{name}_{mechanism}")
        assert fixed == value, f"{name}_{mechanism} is {fixed} in NEURON, {value} here"


class Cell:
    def __init__(self, description):
        self.d = d = description
        self.sections = [h.Section(name=s["name"]) for s in d["sections"]]
        for sec, s in zip(self.sections, d["sections"]):
            for point in s["points"]:
                h.pt3dadd(*point, sec=sec)
            sec.nseg, sec.cm, sec.Ra = s["nseg"], s["cm"], s["ra"]
            if s["parent"] >= 0:
                sec.connect(self.sections[s["parent"]](s["parent_x"]), 0)
            for mechanism, parameters in s["mechanisms"].items():
                sec.insert(mechanism)
                for name, values in parameters.items():
                    for seg, value in zip(sec, values, strict=True):
                        set_parameter(seg, mechanism, name, value)
            for ion in ("na", "k"):
                if h.ismembrane(f"{ion}_ion", sec=sec):
                    setattr(sec, f"e{ion}", d[f"e_{ion}"])
            if h.ismembrane("ca_ion", sec=sec):
                h.cai0_ca_ion, h.cao0_ca_ion = d["ca_in"], d["ca_out"]
        h.celsius = d["celsius"]
        self.synapses, self.inputs = [], []
        for contacts in d["channels"]:
            self.inputs.append([])
            for kind, place in contacts:
                syn = h.UnderstudySynapse(self.segment(place))
                for name, value in d["synapses"][kind].items():
                    setattr(syn, name, value)
                self.synapses.append(syn)
                nc = h.NetCon(None, syn)
                nc.delay, nc.weight[0] = 0, 1
                self.inputs[-1].append(nc)

    def segment(self, place):
        section, x = place
        return self.sections[section](x)

    def run(self, p):
        recorded = [h.Vector().record(self.segment(place)._ref_v) for place in p["record"]]
        times = h.Vector().record(h._ref_t)
        clamp = h.IClamp(self.segment(p["record"][0]))
        clamp.delay, clamp.dur, clamp.amp = p["from_ms"], p["to_ms"] - p["from_ms"], p["na"]

        def send():
            for t, channel in p.get("events", []):
                for nc in self.inputs[int(channel)]:
                    nc.event(t)

        handler = h.FInitializeHandler(1, send)
        cvode = h.CVode()
        if p["variable"]:
            cvode.active(1)
            cvode.atol(1e-5)
        else:
            cvode.active(0)
            h.dt, h.steps_per_ms = p["dt_ms"], round(1 / p["dt_ms"])
        start = time.time()
        h.finitialize(self.d["v_init"])
        h.continuerun(p["ms"])
        del handler
        out = {"v": [v.to_python() for v in recorded], "seconds": time.time() - start}
        out["upcross"] = upward_crossings(times, recorded[0])
        if p["spikes_only"]:
            out["v"] = []
        return out


def upward_crossings(t, v, level=-20):
    t, v = t.to_python(), v.to_python()
    return [t[i] + (t[i + 1] - t[i]) * (level - v[i]) / (v[i + 1] - v[i])
            for i in range(len(v) - 1) if v[i] < level <= v[i + 1]]


def main():
    neuron_mechanisms.load(sys.argv[3])
    with open(sys.argv[1]) as f:
        request = json.load(f)
    result = {"neuron": h.nrnversion(5), "cells": {}}
    for description in request["cells"]:
        cell = Cell(description)
        result["cells"][description["name"]] = {p["name"]: cell.run(p) for p in description["protocols"]}
        del cell
    with open(sys.argv[2], "w") as f:
        json.dump(result, f)


if __name__ == "__main__":
    main()
