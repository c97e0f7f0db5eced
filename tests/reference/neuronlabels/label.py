"""Labels the trials of a data set by NEURON's variable time step.

    python label.py --cell CELL.json --mechanisms BUILD --data DIR --out DIR [--trials K,K,...] [--atol 1e-5]

main.go calls it and says what CELL.json is. DIR of --out becomes a data set with the same input, and what the
cell in NEURON did with it. Trials that are there already are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from neuron_trials import GRID_MS, Stop, find_peaks, play, say, write  # noqa: E402

#: Upward crossings are those of this voltage.
CROSSING_MV = -20.0


def crossings(v: np.ndarray) -> np.ndarray:
    """Times [ms] of the upward crossings of voltages on the grid, linearly interpolated."""
    i = np.flatnonzero((v[:-1] < CROSSING_MV) & (v[1:] >= CROSSING_MV))
    return (i + (CROSSING_MV - v[i]) / (v[i + 1] - v[i])) * GRID_MS


class Cell:
    """The detailed cell in NEURON."""

    def __init__(self, description: dict, mechanisms: str, atol: float):
        import neuron_mechanisms

        neuron_mechanisms.load(mechanisms)
        import cell_neuron
        from neuron import h

        self.h, self.v_init = h, description["v_init"]
        self.cell = cell_neuron.Cell(description)
        soma = next(s for s in self.cell.sections if s.name().startswith("soma["))
        # With an interval NEURON interpolates within its own steps, by their own polynomial.
        self.recorded = h.Vector().record(soma(0.5)._ref_v, GRID_MS)
        self.cvode = h.CVode()
        self.cvode.active(1)
        self.cvode.atol(atol)

    def run(self, t_ms: np.ndarray, channel: np.ndarray, weight: np.ndarray | None, T: int) -> np.ndarray:
        """Soma voltage [8 T + 1] on the grid."""
        h = self.h
        handler = play(h, self.cell.inputs, t_ms, channel, weight)
        h.finitialize(self.v_init)
        h.continuerun(T)
        del handler
        v = self.recorded.as_numpy().copy()
        # The last point may lie beyond the end by rounding.
        want = round(T / GRID_MS) + 1
        if len(v) < want - 1:
            raise Stop(f"NEURON recorded {len(v)} voltages, want {want}")
        return v[:want]


def run(a: argparse.Namespace) -> None:
    with open(a.cell, encoding="utf-8") as f:
        description = json.load(f)
    with open(os.path.join(a.data, "manifest.json"), encoding="utf-8") as f:
        manifest = json.load(f)
    numbers = a.trials or sorted(int(n[6:12]) for n in os.listdir(a.data) if n.startswith("trial_") and n.endswith(".npz"))
    from neuron import h

    version = h.nrnversion(0)
    manifest |= {"scheme": f"variable step of NEURON {version}, absolute tolerance {a.atol:g}", "dt_ms": 0, "trials": len(numbers),
                 "command": "labelled by tests/reference/neuronlabels from the data of: " + manifest["command"]}
    manifest.pop("voltages", None)
    os.makedirs(a.out, exist_ok=True)
    path = os.path.join(a.out, "manifest.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            before = json.load(f)
        if before | {"trials": 0} != manifest | {"trials": 0}:
            raise Stop(f"{a.out} holds other data: name another --out")
    write(path, lambda f: f.write((json.dumps(manifest) + "\n").encode()))
    cell = Cell(description, a.mechanisms, a.atol)
    for i, k in enumerate(numbers):
        name = f"trial_{k:06d}.npz"
        if os.path.exists(os.path.join(a.out, name)):
            continue
        with np.load(os.path.join(a.data, name), allow_pickle=False) as z:
            trial = dict(z)
        start = time.process_time()
        T = int(trial["T_ms"])
        v = cell.run(trial["in_t_ms"], trial["in_channel"], trial.get("in_weight"), T)
        at = find_peaks(v)
        ours = trial["spike_ms"]
        error = v[:: round(1 / GRID_MS)][:T] - trial["v_soma_mv"]
        nearest = max((np.abs(at - s).min() for s in ours), default=0.0) if len(at) else float("inf") if len(ours) else 0.0
        say(f"trial {k}, {i + 1} of {len(numbers)}: {len(at)} spikes, the data set has {len(ours)}, each within {nearest:.3f} ms of one; "
            f"voltage differs by {np.sqrt(np.mean(error**2)):.4f} mV (root mean square); {time.process_time() - start:.0f} s of CPU")
        made = {n: trial[n] for n in ("in_channel", "in_t_ms", "in_weight", "T_ms") if n in trial}
        made |= {"spike_ms": at, "upcross_ms": crossings(v), "v_soma_mv": v[:: round(1 / GRID_MS)][:T].astype(np.float32)}
        write(os.path.join(a.out, name), lambda f: np.savez_compressed(f, **made))


def main() -> int:
    p = argparse.ArgumentParser(allow_abbrev=False, description=__doc__.splitlines()[0])
    p.add_argument("--cell", required=True, help="description of the cell, of tests/nrncell")
    p.add_argument("--mechanisms", required=True, help="folder of the compiled mechanisms")
    p.add_argument("--data", required=True, help="data set")
    p.add_argument("--out", required=True, help="data set to write")
    p.add_argument("--trials", type=lambda s: [int(k) for k in s.split(",") if k], default=[], help="numbers of the trials; all")
    p.add_argument("--atol", type=float, default=1e-5, help="absolute tolerance of the variable step")
    try:
        run(p.parse_args())
    except (Stop, OSError, ValueError, KeyError) as e:
        say(f"neuronlabels: {e}")
        return 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
