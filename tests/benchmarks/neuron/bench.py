"""What a surrogate costs in NEURON beyond its kernels, beside NEURON's own artificial cell: `make bench-neuron`, see README.md."""

import argparse
import ctypes
import gc
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "cexport" / "python"), str(ROOT / "cexport" / "python" / "tests")]
os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")

import neuron
import numpy as np
from neuron import h

import understudy
import understudy.neuron as un
from small_model import write_small_model
from understudy import _lib

CHANNELS = 14  # as many events reach a neuron in each ms, one a channel, where there is input


def in_neuron(a, make, events: bool) -> float:
    """CPU ns per neuron and ms of psolve, with the cells that make() returns."""
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
    return spent * 1e9 / (a.neurons * a.ms)


def library(a, path: str, events: bool) -> float:
    """CPU ns per neuron and ms of the library's own steps, called with as little of Python as can be."""
    with understudy.Population(path, a.neurons) as pop:
        values = [np.zeros(a.neurons, t) for t in (np.float32, np.float32, np.uint8)]
        out = _lib.COutput(ctypes.sizeof(_lib.COutput), 0, a.neurons, *(v.ctypes.data for v in values), None)
        n = a.neurons * CHANNELS if events else 0
        # In the order in which NEURON delivers them, source by source.
        e = understudy.events(np.zeros(n), np.tile(np.arange(a.neurons), CHANNELS)[:n], np.repeat(np.arange(CHANNELS), a.neurons)[:n], 1e-3)
        step, reference, spent = _lib.lib.us_population_step, ctypes.byref(out), 0.0
        for k in range(a.warm + a.ms):
            e["t_ms"] = k
            start = time.process_time()
            status = step(pop._handle, 1, e.ctypes.data if events else None, n, reference, None)
            if k >= a.warm:
                spent += time.process_time() - start
            if status:
                raise RuntimeError(f"us_population_step: status {status}")
    return spent * 1e9 / (a.neurons * a.ms)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--neurons", type=int, default=1000)
    p.add_argument("--ms", type=int, default=500, help="simulated in each measurement (default 500)")
    p.add_argument("--warm", type=int, default=50, help="simulated before it (default 50)")
    p.add_argument("--repeats", type=int, default=7, help="measurements of each row (default 7)")
    p.add_argument("--core", type=int, default=1)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    os.sched_setaffinity(0, {a.core})

    with tempfile.TemporaryDirectory() as folder:
        small = f"{folder}/small.safetensors"
        write_small_model(small, CHANNELS, width=1, kernel=1)
        l5pc = str(ROOT / "plugin" / "model" / "builtin" / "l5pc.safetensors")
        taken: dict = {}
        for _ in range(a.repeats):  # in turn, so that a busy machine hits all alike
            for case, events in (("idle", False), (f"{CHANNELS} events a ms", True)):
                row = taken.setdefault(case, {})
                row.setdefault("IntFire1", []).append(in_neuron(a, lambda: [h.IntFire1() for _ in range(a.neurons)], events))
                for name, path in (("small", small), ("l5pc", l5pc)):
                    # Neighbours in time are subtracted from each other.
                    whole, kernels = in_neuron(a, lambda path=path: list(un.Population(path, a.neurons)), events), library(a, path, events)
                    row.setdefault(f"{name}, kernels", []).append(kernels)
                    row.setdefault(f"{name}, beyond", []).append(whole - kernels)

    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    machine = f"{cpu}, core {a.core} of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, NEURON {neuron.__version__}, {time.strftime('%Y-%m-%d')}"
    result = {"machine": machine, "neurons": a.neurons, "ms": a.ms, "repeats": a.repeats,
              "ns_per_neuron_ms": {case: {name: [statistics.median(v), min(v), max(v)] for name, v in row.items()} for case, row in taken.items()}}
    if a.json:
        print(json.dumps(result, indent=1))
        return 0
    print(f"{machine}\n{a.neurons} neurons, {a.ms} ms, {a.repeats} repeats: median (least to most), ns per neuron and ms\n")
    for case, row in result["ns_per_neuron_ms"].items():
        print(case)
        for name, (median, least, most) in row.items():
            print(f"  {name:16} {median:8.0f}  ({least:.0f} to {most:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
