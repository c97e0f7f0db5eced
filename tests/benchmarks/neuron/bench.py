"""What a surrogate costs in NEURON beyond its kernels, beside NEURON's own artificial cell: `make bench-neuron`, see README.md."""

import gc
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")

import neuron
from adapters import CHANNELS, INPUTS, arguments, measure
from neuron import h

import understudy.neuron as un


def run(a, make, events: bool) -> float:
    """CPU seconds of psolve, with the cells that make() returns."""
    cells = make()
    sources, contacts = [], []
    if events:
        for channel in range(CHANNELS):
            source = h.NetStim()
            source.start, source.interval, source.number, source.noise = 0.5, 1, 1e9, 0
            sources.append(source)
            for cell in cells:
                nc = h.NetCon(source, cell)
                nc.weight[0], nc.delay = 1e-3, 1
                if nc.wcnt() > 1:
                    nc.weight[1] = channel
                contacts.append(nc)
    pc = h.ParallelContext()
    pc.set_maxstep(1)
    h.finitialize(-65)
    pc.psolve(a.warm)
    start = time.process_time()
    pc.psolve(a.warm + a.ms)
    spent = time.process_time() - start
    del contacts, sources, cells
    gc.collect()
    return spent


def main() -> None:
    a = arguments(__doc__, warm=50, repeats=7)
    un.load()  # compiles it on any core
    measure(a, f"NEURON {neuron.__version__}", {title: (None, events) for title, events in INPUTS.items()},
            {"IntFire1": lambda _, events: run(a, lambda: [h.IntFire1() for _ in range(a.neurons)], events)},
            lambda path, _, events: run(a, lambda: list(un.Population(path, a.neurons)), events))


if __name__ == "__main__":
    main()
