"""What a surrogate costs in NEST beyond its kernels, beside NEST's own neurons: `make bench-nest`, see README.md."""

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "cexport" / "python"), str(ROOT / "cexport" / "python" / "tests")]

import nest
import numpy as np

import understudy
import understudy.nest
from small_model import write_small_model
from understudy import _lib

CHANNELS = 14  # as many events reach a neuron in each ms, one a channel, where there is input


def per_neuron_ms(seconds: float, a) -> float:
    return seconds * 1e9 / (a.neurons * a.ms)


def in_nest(a, model: str, parameters: dict, delay: float, events: bool) -> float:
    """CPU ns per neuron and ms of Simulate."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    if model == "understudy":
        nest.Install(str(a.module))
    neurons = nest.Create(model, a.neurons, parameters)
    # A connection elsewhere sets the smallest delay, which is the length of a slice.
    parrot = nest.Create("parrot_neuron")
    nest.Connect(parrot, parrot, syn_spec={"delay": delay})
    if events:
        generator = nest.Create("spike_generator", params={"spike_times": np.arange(1.0, a.warm + a.ms)})
        for channel in range(CHANNELS):
            to = {"receptor_type": channel} if model == "understudy" else {}
            nest.Connect(generator, neurons, syn_spec={"weight": 1e-3, "delay": 1.0, **to})
    nest.Simulate(a.warm)
    start = time.process_time()
    nest.Simulate(a.ms)
    return per_neuron_ms(time.process_time() - start, a)


def library(a, path: str, events: bool) -> float:
    """CPU ns per neuron and ms of the library's own steps, called with as little of Python as can be."""
    with understudy.Population(path, a.neurons) as pop:
        values = [np.zeros(a.neurons, t) for t in (np.float32, np.float32, np.uint8)]
        out = _lib.COutput(ctypes.sizeof(_lib.COutput), 0, a.neurons, *(v.ctypes.data for v in values), None)
        n = a.neurons * CHANNELS if events else 0
        # In the order in which NEST delivers them, connection by connection.
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
    return per_neuron_ms(spent, a)


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--neurons", type=int, default=1000)
    p.add_argument("--ms", type=int, default=500, help="simulated in each measurement (default 500)")
    p.add_argument("--warm", type=int, default=100, help="simulated before it (default 100)")
    p.add_argument("--repeats", type=int, default=5, help="measurements of each row (default 5)")
    p.add_argument("--core", type=int, default=1)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    a.module = understudy.nest.build()  # on any core
    os.sched_setaffinity(0, {a.core})

    with tempfile.TemporaryDirectory() as folder:
        small = f"{folder}/small.safetensors"
        write_small_model(small, CHANNELS, width=1, kernel=1)
        l5pc = str(ROOT / "plugin" / "model" / "builtin" / "l5pc.safetensors")
        cases = {f"{what}, slices of {delay:g} ms": (delay, events) for what, events in (("idle", False), (f"{CHANNELS} events a ms", True)) for delay in (1.0, 0.1)}
        taken = {}
        for _ in range(a.repeats):  # in turn, so that a busy machine hits all alike
            for case, (delay, events) in cases.items():
                row = taken.setdefault(case, {})
                for peer in ("iaf_psc_delta", "iaf_psc_exp"):
                    row.setdefault(peer, []).append(in_nest(a, peer, {}, delay, events))
                for name, path in (("small", small), ("l5pc", l5pc)):
                    # Neighbours in time are subtracted from each other.
                    whole, kernels = in_nest(a, "understudy", {"model": path}, delay, events), library(a, path, events)
                    row.setdefault(f"{name}, kernels", []).append(kernels)
                    row.setdefault(f"{name}, beyond", []).append(whole - kernels)

    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown CPU")
    machine = f"{cpu}, core {a.core} of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, NEST {nest.__version__}, {time.strftime('%Y-%m-%d')}"
    result = {"machine": machine, "neurons": a.neurons, "ms": a.ms, "repeats": a.repeats, "ns_per_neuron_ms": {}, "beyond_over_iaf_psc_exp": {}}
    for case, row in taken.items():
        result["ns_per_neuron_ms"][case] = {name: [statistics.median(v), min(v), max(v)] for name, v in row.items()}
        for name in ("small", "l5pc"):
            ratio = [ours / theirs for ours, theirs in zip(row[f"{name}, beyond"], row["iaf_psc_exp"])]
            result["beyond_over_iaf_psc_exp"][f"{case}, {name}"] = [statistics.median(ratio), min(ratio), max(ratio)]
    if a.json:
        print(json.dumps(result, indent=1))
        return 0
    print(f"{machine}\n{a.neurons} neurons, {a.ms} ms, {a.repeats} repeats: median (least to most), ns per neuron and ms\n")
    for case, row in result["ns_per_neuron_ms"].items():
        print(case)
        for name, (median, least, most) in row.items():
            note = ""
            if name.endswith("beyond"):
                note = "  {:.2f} x iaf_psc_exp ({:.2f} to {:.2f})".format(*result["beyond_over_iaf_psc_exp"][f"{case}, {name.split(',')[0]}"])
            print(f"  {name:16} {median:8.0f}  ({least:.0f} to {most:.0f}){note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
