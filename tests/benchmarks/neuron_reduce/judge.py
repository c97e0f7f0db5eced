"""Judges the cell that neuron_reduce makes of a detailed one on a data set of the detailed one.

    python judge.py --cell CELL.json --mechanisms BUILD --data DIR --out FOLDER --json FILE
                    [--frequency HZ] [--trials N]

main.go calls it and says what CELL.json is. FOLDER keeps every trial's response, so that a stopped
run goes on. FILE is what `understudy evaluate --baseline neuron_reduce=FILE` reads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import zipfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../cexport/python"))

import reduced  # noqa: E402
from neuron_trials import Stop, say, write  # noqa: E402
from understudy.train import metrics  # noqa: E402
from understudy.train.data import DataError, Dataset  # noqa: E402

#: The trial on which the detailed cell is checked has so many spikes, if one has.
CHECK_SPIKES = 5

#: The detailed cell in NEURON must find this share of its spikes within 2 ms.
CHECK_RECALL = 0.9


def write_json(path: str, value) -> None:
    write(path, lambda f: f.write((json.dumps(value, indent=1) + "\n").encode()))


class Kept:
    """Responses in the folder of a run, all to the same data and made in the same way."""

    def __init__(self, folder: str, settings: dict):
        self.folder = folder
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as e:
            raise Stop(f"--out: {e}") from e
        path = os.path.join(folder, "settings.json")
        if not os.path.exists(path):
            write_json(path, settings)
        try:
            with open(path) as f:
                before = json.load(f)
            differing = [k for k in settings if before.get(k) != settings[k]]
        except (ValueError, AttributeError) as e:
            raise Stop(f"{path}: {e}; remove {folder} or name another --out") from e
        if differing:
            k = differing[0]
            raise Stop(f"{folder} holds a run with {k} {before.get(k)!r}, not {settings[k]!r}: name another --out")

    def response(self, name: str, steps: int, make) -> reduced.Response:
        """The response kept under a name, or the one that make returns, which is then kept."""
        path = os.path.join(self.folder, name + ".npz")
        try:
            with np.load(path, allow_pickle=False) as z:
                r = reduced.Response(z["v"], z["score"], z["peaks"], float(z["cpu"]))
            if r.v.shape == r.score.shape == (steps,):
                return r
            say(f"{path} does not fit and is made anew")
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as e:
            say(f"{path} cannot be read and is made anew: {e}")
        r = make()
        r.v, r.score = r.v.astype(np.float32), r.score.astype(np.float32)
        write(path, lambda f: np.savez_compressed(f, v=r.v, score=r.score, peaks=r.peaks, cpu=r.cpu))
        return r


def check_trial(trials: list):
    """The first trial with some spikes, else the one with most."""
    counts = [int(t.spike.sum()) for t in trials]
    enough = [t for t, n in zip(trials, counts) if n >= CHECK_SPIKES]
    return enough[0] if enough else trials[int(np.argmax(counts))]


def check(trial, r: reduced.Response) -> str:
    """Compares the detailed cell in NEURON with the data."""
    truth, found = np.flatnonzero(trial.spike), np.flatnonzero(reduced.label(r.peaks, trial.steps))
    hits, same = metrics.match(truth, found), len(np.intersect1d(truth, found))
    error = float(np.sqrt(np.mean((np.minimum(r.v, metrics.CLIP_MV) - np.minimum(trial.v, metrics.CLIP_MV)) ** 2)))
    text = (f"{hits} of the {len(truth)} spikes of trial {trial.index} within 2 ms ({same} in the same ms), "
            f"{len(found)} emitted, voltage RMSE {error:.3g} mV")
    say(f"the detailed cell in NEURON: {text}")
    if hits < CHECK_RECALL * max(len(truth), len(found)):
        raise Stop(f"the detailed cell in NEURON is not the cell of the data: {text}")
    return text


def nearness(emitted: np.ndarray) -> np.ndarray:
    """[T] minus the time to the nearest of the emitted spikes [T], which makes a score of them [ms]."""
    steps = len(emitted)
    at = np.flatnonzero(emitted)
    if not len(at):
        return np.full(steps, -np.inf)
    t = np.arange(steps)
    after = np.searchsorted(at, t).clip(0, len(at) - 1)
    return -np.minimum(abs(t - at[after]), abs(t - at[(after - 1).clip(0)])).astype(float)


def figures(trials: list, responses: list[reduced.Response]) -> tuple[dict, float]:
    """The figures that evaluate reads, and the AUC of the emitted spikes alone."""
    truth = [t.spike for t in trials]
    emitted = [reduced.label(r.peaks, t.steps) for t, r in zip(trials, responses)]
    f = metrics.figures([r.score for r in responses], [r.v for r in responses], truth, [t.v for t in trials]).to_dict()
    skip = metrics.SKIP_MS
    spikes_only = metrics.auc(np.concatenate([nearness(e)[skip:] for e in emitted]), np.concatenate([s[skip:] for s in truth]))
    return f | metrics.timing(emitted, truth), spikes_only


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(allow_abbrev=False, description=__doc__.splitlines()[0])
    p.add_argument("--cell", required=True, help="description of the cell, of tests/nrncell")
    p.add_argument("--mechanisms", required=True, help="folder of the compiled mechanisms")
    p.add_argument("--data", required=True, help="data set")
    p.add_argument("--out", required=True, help="folder of the responses")
    p.add_argument("--json", required=True, help="file of the figures")
    p.add_argument("--frequency", type=float, default=0, help="at which impedances are kept [Hz]")
    p.add_argument("--trials", type=int, default=0, help="judge the first N only; 0 for all")
    a = p.parse_args()
    if not 0 <= a.frequency < float("inf"):
        p.error(f"--frequency {a.frequency:g}, want at least 0 Hz")
    if a.trials < 0:
        p.error(f"--trials {a.trials}, want at least 0")
    return a


def run(a: argparse.Namespace) -> None:
    data = Dataset(a.data)
    with open(a.cell) as f:
        text = f.read()
    description = json.loads(text)
    trials = [data.trials[k] for k in sorted(data.trials)]
    if a.trials:
        trials = trials[: a.trials]
    if not trials:
        raise Stop(f"{a.data}: no trials")
    if min(t.steps for t in trials) <= metrics.SKIP_MS:
        raise Stop(f"{a.data}: trials of {trials[0].steps} ms, of which the first {metrics.SKIP_MS} are not judged")
    m = data.manifest
    settings = {"cell_sha256": hashlib.sha256(text.encode()).hexdigest(), "frequency_hz": a.frequency,
                "dt_ms": m["dt_ms"], "scheme": m["scheme"], "seed": m["seed"], "seconds": m["seconds"], "inputs": m["inputs"],
                **reduced.versions()}
    kept = Kept(a.out, settings)

    say(f"{len(trials)} trials; building the cell in NEURON {settings['neuron']}")
    model = reduced.Model(description, a.mechanisms, m["dt_ms"], m["scheme"])
    before, synapses_before = model.segments(), len(model.cell.synapses)
    one = check_trial(trials)
    detailed = kept.response(f"detailed_{one.index:06d}", one.steps, lambda: model.run(one))
    checked = check(one, detailed)
    synapses = model.reduce(a.frequency)
    say(f"{before} segments and {synapses_before} synapses reduced to {model.segments()} and {synapses}")

    responses = []
    for i, t in enumerate(trials):
        responses.append(kept.response(f"trial_{t.index:06d}", t.steps, lambda t=t: model.run(t)))
        say(f"trial {t.index}, {i + 1} of {len(trials)}: {len(responses[-1].peaks)} spikes, the cell has {int(t.spike.sum())}; "
            f"{responses[-1].cpu / t.steps * 1000:.3g} CPU s per s")

    f, spikes_only = figures(trials, responses)
    costs = [r.cpu / t.steps * 1000 for r, t in zip(responses, trials)]
    cost, dear = statistics.median(costs), detailed.cpu / one.steps * 1000
    say(f"CPU s per simulated s: {dear:.3g} detailed, {cost:.3g} reduced ({min(costs):.3g} to {max(costs):.3g}), {dear / cost:.3g} times less")
    say(f"AUC {f['auc']} with its voltage as score, {spikes_only} with its spikes")
    write_json(a.json, {
        "description": f"neuron_reduce {settings['neuron_reduce']} at {a.frequency:g} Hz in NEURON {settings['neuron']}: {model.segments()} segments of {before}, "
                       f"{synapses} synapses of {synapses_before}; {m['scheme']}, dt {m['dt_ms']:g} ms. "
                       f"AUC and true positives: score is the reduced cell's own highest soma voltage in the ms (AUC {spikes_only:.3f} where "
                       f"the score is how near its next own spike is). CPU s per simulated s: {cost:.2g} reduced, {dear:.2g} detailed. "
                       f"The detailed cell in NEURON finds {checked}",
        "parameters": 0, "macs_per_ms": 0, "figures": f})
    say(f"wrote {a.json}")


def main() -> int:
    try:
        run(arguments())
    except (DataError, Stop, OSError) as e:
        say(f"neuron_reduce: {e}")
        return 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on where it was")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
