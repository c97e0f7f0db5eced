"""The cells of the benchmark in NEURON and CoreNEURON.

    python neuron_peer.py FOLDER fixed|variable|core|core-permuted REQUEST.json

FOLDER is where nrnivmodl built the mechanisms. See peer.py for what it answers.
"""

import os
import sys

import peer  # before NEURON, which prints

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../reference"))

import neuron
from neuron import coreneuron, h

if not neuron.load_mechanisms(sys.argv[1]):
    sys.exit(f"NEURON finds no mechanisms in {sys.argv[1]}")
os.environ["CORENEURONLIB"] = os.path.join(sys.argv[1], "x86_64/libcorenrnmech.so")

from cell_neuron import Cell

# Calls with a transfer to CoreNEURON and back are timed on this span too, whose
# cost is subtracted [ms].
SHORT_MS = 1


class Network:
    """Unconnected cells, neuron i of which has gid i and reports its spikes."""

    def __init__(self, request):
        self.pc = h.ParallelContext()
        self.cells, self.synapses, self.kept = [], [], []
        for i in range(request["neurons"]):
            cell = Cell(request["cell"])
            self.cells.append(cell)
            self.synapses.append([self.synapse(cell, c) for c in request["contacts"]])
            self.detect(i, cell.segment(request["soma"]))
        for name, value in request["globals"].items():
            for mechanism in ("BenchAMPANMDA", "BenchGABAA"):
                if hasattr(h, f"{name}_{mechanism}"):
                    setattr(h, f"{name}_{mechanism}", value)
        h.e_BenchAMPANMDA, h.e_BenchGABAA = request["e_exc"], request["e_inh"]
        self.events = request["events"]
        self.kept.append(h.FInitializeHandler(1, self.send))
        self.t, self.id = h.Vector(), h.Vector()
        self.pc.spike_record(-1, self.t, self.id)

    def synapse(self, cell, contact):
        kind, section, x = contact
        make = h.BenchAMPANMDA if kind == "exc" else h.BenchGABAA
        syn = make(cell.segment((section, x)))
        nc = h.NetCon(None, syn)
        nc.delay, nc.weight[0] = 1, 1  # CoreNEURON refuses delays of 0; events below are delivered when they say
        self.kept.append(syn)
        return nc

    def detect(self, gid, segment):
        nc = h.NetCon(segment._ref_v, None, sec=segment.sec)
        nc.threshold = -20
        self.pc.set_gid2node(gid, self.pc.id())
        self.pc.cell(gid, nc)
        self.kept.append(nc)

    def send(self):
        for t, i, channel in self.events:
            self.synapses[i][channel].event(t)


def main():
    request, mode = peer.request(), sys.argv[2]
    net = Network(request)
    pc = net.pc
    h.dt, h.steps_per_ms = request["dt_ms"], round(1 / request["dt_ms"])
    if mode == "variable":
        h.CVode().active(1)
    coreneuron.verbose = 0
    if mode.startswith("core"):
        coreneuron.enable = True
        coreneuron.cell_permute = int(mode == "core-permuted")
    pc.set_maxstep(10)
    h.finitialize(request["cell"]["v_init"])
    now = 0.0

    def advance(ms):
        nonlocal now
        before, spikes = peer.cpu_seconds(), len(net.t)
        now += ms
        pc.psolve(now)
        return peer.cpu_seconds() - before, len(net.t) - spikes

    def run(ms):
        if mode.startswith("core") and ms > SHORT_MS:
            # Every call moves all cells to CoreNEURON and back, which a
            # simulation does once: its time is left out.
            short, first = advance(SHORT_MS)
            long, rest = advance(ms - SHORT_MS)
            return (long - short) * ms / (ms - 2 * SHORT_MS), first + rest
        return advance(ms)

    peer.serve({"version": "NEURON " + h.nrnversion(5), "compartments": sum(1 for s in net.cells[0].sections for _ in s)}, run)


main()
