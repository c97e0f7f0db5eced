"""The reduced cell: neuron_reduce on the cell of tests/reference/cell_neuron.py."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
import types
from dataclasses import dataclass

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../reference"))

from neuron_trials import GRID_MS, find_peaks, play  # noqa: E402

#: The grid's points in a ms, and those of them before the first that is labelled with step 0.
PER_MS = round(1 / GRID_MS)
BEFORE = PER_MS // 2


@dataclass
class Response:
    """What a cell in NEURON did in a trial of T ms."""

    v: np.ndarray  # [T] soma voltage at t = 0, 1, ... ms [mV]
    score: np.ndarray  # [T] the highest voltage where a peak would be labelled with the step [mV]
    peaks: np.ndarray  # of the voltage [ms]
    cpu: float  # of the simulation alone [s]


def on_grid(v: np.ndarray, dt: float) -> np.ndarray:
    """Voltages at the end of every time step, the initial one first, interpolated to the grid."""
    steps = len(v) - 1
    points = int(steps * dt / GRID_MS + 1e-6)
    return np.interp(np.arange(points + 1) * GRID_MS, np.arange(steps + 1) * dt, v)


def label(peaks: np.ndarray, steps: int) -> np.ndarray:
    """[steps] True in the steps of spikes, as the data set labels them."""
    spike = np.zeros(steps, bool)
    k = (peaks - 0.5).astype(np.int64)
    spike[k[(k >= 0) & (k < steps)]] = True
    return spike


def highest(g: np.ndarray, steps: int) -> np.ndarray:
    """[steps] highest voltage of the grid points whose peaks :func:`label` puts into a step."""
    of = g[BEFORE : BEFORE + steps * PER_MS]  # ends half a ms early: the trial does
    of = np.append(of, np.full(steps * PER_MS - len(of), -np.inf))
    return of.reshape(steps, PER_MS).max(axis=1)


def repair(module) -> None:
    """Makes neuron_reduce 0.0.7 run in NEURON 9.

    It takes every name that dir() lists of a mechanism or a synapse for a parameter. In NEURON 9
    functions and procedures of MOD files are listed too: those of channels cannot be read
    from a segment, which stops it, and those of synapses are never equal, so that no synapses
    would be merged. So its module gets a dir() that lists numbers only.
    """
    module.dir = lambda thing: [name for name in dir(thing) if isinstance(getattr(thing, name, None), (int, float))]


class Sections(list):
    """Sections as neuron_reduce knows them from a HOC template: a list with a name."""

    def hname(self) -> str:
        return self[0].hname()


class Model:
    """A cell in NEURON, detailed until :meth:`reduce`."""

    def __init__(self, description: dict, mechanisms: str, dt: float, scheme: str):
        import neuron_mechanisms

        neuron_mechanisms.load(mechanisms)
        import cell_neuron
        from neuron import h

        self.h, self.dt = h, dt
        self.v_init = description["v_init"]
        self.cell = cell_neuron.Cell(description)
        self.soma = self.named("soma")[0](0.5)
        self.inputs = self.cell.inputs  # NetCons by channel
        h.CVode().active(0)
        # Data are judged by the reduction, not by another integration: this is NEURON's form
        # of the scheme that made them.
        h.secondorder = {"crank-nicolson": 2, "backward-euler": 0}[scheme]
        h.dt, h.steps_per_ms = dt, round(1 / dt)

    def named(self, region: str) -> Sections:
        return Sections(s for s in self.cell.sections if s.name().startswith(region + "["))

    def segments(self) -> int:
        return sum(s.nseg for s in self.h.allsec())

    def reduce(self, frequency: float) -> int:
        """Reduces the cell at a frequency [Hz] and returns the number of synapses left."""
        import neuron_reduce

        repair(neuron_reduce.subtree_reductor_func)
        whole = types.SimpleNamespace(soma=self.named("soma"), dend=self.named("dend"), apic=self.named("apic"))
        whole.basal, whole.apical = whole.dend, whole.apic
        connections = [nc for contacts in self.inputs for nc in contacts]
        # NEURON deletes a section that no variable knows, and the package forgets an axon's second.
        self.kept = self.named("soma") + self.named("axon")
        # The number of segments is the package's own choice, one for every tenth of a length constant.
        self.cell, self.synapses, connections = neuron_reduce.subtree_reductor(
            whole, self.cell.synapses, connections, reduction_frequency=frequency)
        # The NetCons are the very ones of before, in this order, some with another target.
        assert len(connections) == sum(map(len, self.inputs))
        return len(self.synapses)

    def run(self, trial) -> Response:
        """The response to a trial's events."""
        h = self.h
        recorded = h.Vector().record(self.soma._ref_v)
        handler = play(h, self.inputs, np.repeat(np.arange(trial.steps), np.diff(trial.start)), trial.channel, trial.weight)
        h.finitialize(self.v_init)
        start = time.process_time()
        h.continuerun(trial.steps)
        cpu = time.process_time() - start
        del handler
        v = recorded.as_numpy().copy()
        g = on_grid(v, self.dt)
        if len(v) != trial.steps * h.steps_per_ms + 1:
            raise RuntimeError(f"{len(v)} voltages of {trial.steps} ms in steps of {self.dt} ms")
        return Response(v[:: int(h.steps_per_ms)][: trial.steps], highest(g, trial.steps), find_peaks(g), cpu)


def versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("neuron_reduce", "neuron")}
