"""Baselines that a surrogate has to beat, fitted to the same trials.

Writes rate.safetensors, weighted.safetensors, glm.safetensors and hidden.safetensors, which
`understudy evaluate --baseline NAME=FILE` judges by the very code that judges the
surrogate, and lif.json, the figures of a leaky integrate-and-fire neuron on --test
(a model file has no reset).

  rate      the number of events of each kind and tree in the last ms, which of 10 to 400 the
            training trials choose: who fired when within them does not count
  weighted  weighted sum and sigmoid: a weight per synapse, a kernel per kind
  glm       generalised linear model: 8 filters for each kind and tree
  hidden    one hidden layer of 64 rectified units, each with weights per synapse and a
            kernel of 100 ms of its own, trained as a surrogate is
  lif       leaky integrate-and-fire neuron with a weight per synapse
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from . import export, fit, metrics  # noqa: E402
from .data import DataError, Dataset, Trial  # noqa: E402
from .glm import GLM  # noqa: E402
from .lif import LIF  # noqa: E402
from .numpy_eval import evaluate  # noqa: E402
from .weighted import Fit, WeightedSum  # noqa: E402

NAMES = ("rate", "weighted", "glm", "hidden", "lif")

#: Windows of the rate to choose from [ms].
WINDOWS_MS = (10, 15, 25, 50, 100, 200, 400)


#: A threshold rests on so many spikes; where fewer are held out, training trials count too.
ENOUGH_SPIKES = 50


#: Steps of the hidden units' kernels.
HIDDEN_TAPS = 100

#: Baselines are refractory as surrogates are, for a fair comparison of spikes [ms].
REFRACTORY_MS = 3


class Filtered:
    """Sums of events by group, one filter for each group and output: a GLM as a network of the model file."""

    kind = "tcn"

    def __init__(self, glm: GLM):
        filters, bias = glm.filters()
        groups = np.eye(len(glm.groups))[glm.group].T
        self._tensors = {"groups.weight": groups[:, :, None], "head.weight": filters[:, :, ::-1], "head.bias": np.array([bias[0], 0.0])}
        self.v_offset = float(bias[1])
        self.span = filters.shape[2]

    def layers(self) -> list[dict]:
        return [export.conv("groups", "events", 1, bias=False), export.conv("head", "groups", self.span)]

    def tensors(self) -> dict[str, np.ndarray]:
        return {k: np.ascontiguousarray(a, np.float32) for k, a in self._tensors.items()}


def rate_model(data: Dataset, trials: list[Trial]) -> tuple[Filtered, int]:
    """The rate-only model and its window [ms]."""
    best = None
    for window in WINDOWS_MS:
        g = GLM(data, np.full((1, window), 1 / window))
        g.fit(trials)
        if best is None or g.log_likelihood > best[0].log_likelihood:
            best = g, window
    return Filtered(best[0]), best[1]


class Writer:
    """Writes networks as model files into a folder."""

    def __init__(self, data: Dataset, train: list[Trial], held: list[Trial], out: str, command: str, seed: int):
        self.data, self.train, self.held, self.out, self.command, self.seed = data, train, held, out, command, seed
        self.seen = export.TrainingRange()
        for t in train:
            self.seen.add(t, data.channels)

    def path(self, name: str, ending: str = "safetensors") -> str:
        return os.path.join(self.out, f"{name}.{ending}")

    def write(self, name: str, network, description: str) -> str:
        """Write a model file, with the threshold at which it fires as often as the cell does."""
        path = self.path(name)

        def save(threshold: float, figures: dict) -> None:
            provenance = export.provenance((self.data,), self.train, self.command, self.seed, figures) | {"description": description}
            doc = export.document(network, self.data, name, 1.0, network.v_offset, threshold, REFRACTORY_MS, self.seen, provenance)
            export.write_model(path, export.tensors(network), doc)

        save(0.5, {})
        f, threshold = judge_file(path, self.held)
        if f["spikes"] < ENOUGH_SPIKES:
            _, threshold = judge_file(path, self.held + self.train)
        save(threshold, f)
        return _line(name, f)


def judge_file(path: str, trials: list[Trial]) -> tuple[dict, float]:
    """Figures of a model file on trials, and the threshold at which the rate is the true one."""
    outputs = []
    for t in trials:
        step = np.repeat(np.arange(t.steps), np.diff(t.start))
        outputs.append(evaluate(path, t.channel, step, 1.0 if t.weight is None else t.weight, t.steps))
    y = [t.spike for t in trials]
    f = metrics.figures([o[0] for o in outputs], [o[1] for o in outputs], y, [t.v for t in trials]).to_dict()
    n = metrics.SKIP_MS
    p = [o[0][n:].astype(np.float64) for o in outputs]
    return f, min(1.0, max(0.0, metrics.rate_threshold(p, sum(int(a[n:].sum()) for a in y), REFRACTORY_MS)))


def _line(name: str, f: dict) -> str:
    if f["auc"] is None:
        return f"{name}: no spikes"
    return (f"{name}: AUC {f['auc']:.4f}  TP at 1% FP {f['tp_at_1pct_fp']:.3f}  RMSE {f['rmse_mv']:.3f} mV  "
            f"EV {100 * f['explained_variance']:.2f} %  ({f['spikes']} spikes, {f['trials']} trials)")


def run(a: argparse.Namespace, command: str) -> None:
    """Fit and write the baselines that are asked for."""
    os.makedirs(a.out, exist_ok=True)
    data = Dataset(a.data)
    train, held = data.split(every=a.holdout_every)
    if not train or not held:
        raise DataError(f"{a.data}: {len(train)} training and {len(held)} held-out trials, want at least one of each")
    if len({t.steps for t in train + held}) > 1:
        raise DataError(f"{a.data}: trials of different lengths")
    test = list(Dataset(a.test).trials.values()) if a.test else held
    train = train[:: -(-len(train) // a.max_trials)]
    torch.manual_seed(a.seed)
    w = Writer(data, train, held, a.out, command, a.seed)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if "rate" in a.only:
        network, window = rate_model(data, train)
        say(w.write("rate", network, f"rate alone: events of each kind and tree in the last {window} ms, through a sigmoid"))
    if "glm" in a.only:
        g = GLM(data)
        g.fit(train)
        say(w.write("glm", Filtered(g), f"generalised linear model: {len(g.bases)} filters of up to {g.bases.shape[1]} ms for each kind and tree"))
    if "weighted" in a.only or "lif" in a.only:
        f = Fit(data, train, held)
        v = f.fit(spike=False, shared_decay=True)
        if "weighted" in a.only:
            s = f.fit(spike=True, shared_decay=False)
            linear = WeightedSum(data.manifest["channel_kind"], s, v)
            say(w.write("weighted", linear, "weighted sum and sigmoid: a weight per synapse, a double exponential for each kind"
                        f" (decay {s.decay[0]:.1f} ms excitatory, {s.decay[1]:.1f} ms inhibitory)"))
        if "lif" in a.only:
            lif = LIF(WeightedSum(data.manifest["channel_kind"], v, v))
            lif.fit(train)
            figures = lif.judge(test)
            doc = {"description": f"leaky integrate-and-fire neuron: a weight per synapse, membrane {lif.tau_ms:.1f} ms, threshold "
                   f"{lif.threshold:.1f} mV, reset {lif.reset:.1f} mV; fitted to the voltage, threshold and reset to the spikes",
                   "parameters": lif.parameters, "macs_per_ms": 3, "figures": figures}
            export.write_atomic(w.path("lif", "json"), (json.dumps(doc, indent=1) + "\n").encode())
            say(_line("lif", figures))
    if "hidden" in a.only:
        say(hidden(a, command))


def hidden(a: argparse.Namespace, command: str) -> str:
    """Train the hidden layer by the surrogates' own trainer; returns a line of figures."""
    fit.keep_memory()
    trainer = fit.Trainer(fit.Options(
        a.data, os.path.join(a.out, "hidden.safetensors"), name="hidden", minutes=a.minutes, steps=a.steps, seed=a.seed, blocks=0,
        smooth=HIDDEN_TAPS, rank=16, weight_decay=0.05, holdout_every=a.holdout_every, threads=a.threads, command=command,
        description=f"one hidden layer: 64 rectified units, each with weights per synapse and a kernel of {HIDDEN_TAPS} ms"))
    # Kernels begin as decays of 2 to 50 ms: from noise they hardly learn.
    tau = torch.logspace(np.log10(2), np.log10(50), trainer.net.shape.features)
    decay = torch.exp(-torch.arange(HIDDEN_TAPS).flip(0) / tau[:, None])
    decay /= decay.square().sum(1, keepdim=True).sqrt()
    with torch.no_grad():
        for net in (trainer.net, trainer.mean):
            net.smooth.copy_(decay[:, None])
    r = trainer.run(show=sys.stderr)
    return _line("hidden", r)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m understudy.train.baselines", description=__doc__,
        epilog="example: python -m understudy.train.baselines --data l5pc --test l5pc-test --out baselines\n"
               "         understudy evaluate --data l5pc-test --baseline glm=baselines/glm.safetensors --baseline lif=baselines/lif.json",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, metavar="DIR", help="folder with the training trials")
    p.add_argument("--test", metavar="DIR", help="trials that lif.json is judged on: those given to `understudy evaluate` (the held-out ones)")
    p.add_argument("--out", required=True, metavar="FOLDER", help="folder to write, made where it is missing")
    p.add_argument("--only", default=",".join(NAMES), metavar="NAME,...", help="baselines to fit: %(default)s")
    p.add_argument("--holdout-every", type=int, default=20, help="hold out trials whose number is a multiple (20)")
    p.add_argument("--max-trials", type=int, default=300, help="fit all but hidden on at most so many trials (300)")
    p.add_argument("--minutes", type=float, default=10.0, help="wall time to train hidden (10)")
    p.add_argument("--steps", type=int, default=0, help="updates of hidden instead of --minutes: repeatable")
    p.add_argument("--threads", type=int, default=0, help="threads (default all)")
    p.add_argument("--seed", type=int, default=1)
    return p


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = parser()
    argv = sys.argv[1:] if argv is None else argv
    a = p.parse_args(argv)
    a.only = a.only.split(",")
    if unknown := set(a.only) - set(NAMES):
        p.error(f"--only: no baseline {sorted(unknown)[0]!r}; there are {', '.join(NAMES)}")
    if a.holdout_every < 2 or a.max_trials < 1 or a.minutes <= 0 or a.steps < 0:
        p.error("--holdout-every wants at least 2, --max-trials at least 1, --minutes above 0, --steps at least 0")
    if a.threads:
        torch.set_num_threads(a.threads)
    try:
        run(a, "python -m understudy.train.baselines " + shlex.join(argv))
    except (DataError, OSError, fit.TrainingError) as e:
        print(f"understudy.train.baselines: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
