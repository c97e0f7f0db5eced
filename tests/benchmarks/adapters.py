"""What the benchmarks of the adapters share: benchmarks/neuron/bench.py and benchmarks/nest/bench.py."""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "cexport" / "python"), str(ROOT / "cexport" / "python" / "tests")]

import numpy as np

import understudy
from small_model import write_small_model
from understudy import _lib

CHANNELS = 14  # as many events reach a neuron in each ms, one a channel, where there is input
INPUTS = {"idle": False, f"{CHANNELS} events a ms": True}


def arguments(description: str | None, *, warm: int, repeats: int) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--neurons", type=int, default=1000)
    p.add_argument("--ms", type=int, default=500, help="simulated in each measurement (default 500)")
    p.add_argument("--warm", type=int, default=warm, help=f"simulated before it (default {warm})")
    p.add_argument("--repeats", type=int, default=repeats, help=f"measurements of each row (default {repeats})")
    p.add_argument("--core", type=int, default=1)
    p.add_argument("--json", action="store_true")
    return p.parse_args()


def library(a: argparse.Namespace, path: str, events: bool) -> float:
    """CPU seconds of the library's own steps, called with as little of Python as can be."""
    with understudy.Population(path, a.neurons) as pop:
        values = [np.zeros(a.neurons, t) for t in (np.float32, np.float32, np.uint8)]
        out = _lib.COutput(ctypes.sizeof(_lib.COutput), 0, a.neurons, *(v.ctypes.data for v in values), None)
        n = a.neurons * CHANNELS if events else 0
        # In the order in which simulators deliver them, source by source.
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
    return spent


def measure(a: argparse.Namespace, simulator: str, cases: dict[str, tuple[Any, bool]], peers: dict[str, Callable[[Any, bool], float]],
            ours: Callable[[str, Any, bool], float]) -> None:
    """Measures all rows in turn, so that a busy machine hits all alike, and prints them.

    cases: what goes to the functions, and whether there are events, by title. peers and
    ours (which gets a model's path, too) return CPU seconds of a.ms in the simulator. The
    last peer is the one to compare with.
    """
    os.sched_setaffinity(0, {a.core})
    with tempfile.TemporaryDirectory() as folder:
        small = f"{folder}/small.safetensors"
        write_small_model(small, CHANNELS, width=1, kernel=1)
        models = {"small": small, "l5pc": str(ROOT / "plugin" / "model" / "builtin" / "l5pc.safetensors")}
        taken: dict[str, dict[str, list[float]]] = {}
        for _ in range(a.repeats):
            for case, (what, events) in cases.items():
                row = taken.setdefault(case, {})
                for peer, run in peers.items():
                    row.setdefault(peer, []).append(run(what, events))
                for name, path in models.items():
                    # Neighbours in time are subtracted from each other.
                    whole, kernels = ours(path, what, events), library(a, path, events)
                    row.setdefault(f"{name}, kernels", []).append(kernels)
                    row.setdefault(f"{name}, beyond", []).append(whole - kernels)

    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    machine = f"{cpu}, core {a.core} of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, {simulator}, {time.strftime('%Y-%m-%d')}"
    peer = list(peers)[-1]
    per = 1e9 / (a.neurons * a.ms)
    costs = {case: {name: spread([x * per for x in v]) for name, v in row.items()} for case, row in taken.items()}
    ratios = {case: {name: spread([x / y for x, y in zip(v, row[peer], strict=True)]) for name, v in row.items() if name.endswith("beyond")}
              for case, row in taken.items()}
    if a.json:
        print(json.dumps({"machine": machine, "neurons": a.neurons, "ms": a.ms, "repeats": a.repeats, "ns_per_neuron_ms": costs, f"over_{peer}": ratios}, indent=1))
        return
    print(f"{machine}\n{a.neurons} neurons, {a.ms} ms, {a.repeats} repeats: median (least to most), ns per neuron and ms\n")
    for case, rows in costs.items():
        print(case)
        for name, (median, least, most) in rows.items():
            note = "  {:.2f} x {} ({:.2f} to {:.2f})".format(ratios[case][name][0], peer, *ratios[case][name][1:]) if name in ratios[case] else ""
            print(f"  {name:16} {median:8.0f}  ({least:.0f} to {most:.0f}){note}")


def spread(values: list[float]) -> list[float]:
    return [statistics.median(values), min(values), max(values)]
