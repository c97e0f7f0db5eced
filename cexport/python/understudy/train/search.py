"""How good is a surrogate at which cost, and how much data does it need?

Trains networks of several sizes and of both architectures alike on all of the data, and some
of them on the first hours of it alone; judges all on other trials with `understudy evaluate`,
and writes to --out:

  search.json, search.txt  figures with 95 % intervals by trial, and which networks are on the Pareto front
  search.svg               AUC, true positives and voltage error against multiply-accumulates per ms;
                           AUC against parameters; AUC and true positives against hours of data
  networks/                the model files; what is there already is kept
  trials.json              which trials are trained on: those that were there at the first run

SEARCH.md beside this file says what came of it. With the same options and trials, and on one
machine, the result is the same. It may be interrupted and goes on with the same command.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import pathlib
import sys
from dataclasses import dataclass

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402

from . import fit, runs  # noqa: E402
from .data import DataError, Dataset, first_hours  # noqa: E402
from .elm import ELMShape  # noqa: E402
from .export import write_atomic  # noqa: E402
from .network import Shape  # noqa: E402
from .runs import Runs, interval, ints, say  # noqa: E402

#: Trials of --data whose number is a multiple are held out, as the trainer does.
HOLDOUT_EVERY = fit.Options("", "").holdout_every

#: The sizes that each architecture's networks are described by, as options of the trainer.
SIZES = {"elm": ("branches", "memory", "hidden"), "tcn": ("features", "blocks")}

#: How the networks are trained unless an option says otherwise.
RECIPE = {
    "window_ms": {"elm": 1000, "tcn": 3000},
    "batch": {"elm": 48, "tcn": 6},
    "warmup_ms": {"elm": 300, "tcn": 500},
    "lr": {"elm": 2e-3, "tcn": 2e-3},
    "weight_decay": {"elm": 0.03, "tcn": 0.03},
    "dendrite_weight": {"elm": 0.5, "tcn": 0.5},
    "voltage_weight": {"elm": 3.0, "tcn": 3.0},
}


@dataclass(frozen=True)
class Size:
    """One network: its architecture, and the numbers that SIZES names."""

    architecture: str
    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.architecture + ":" + "x".join(map(str, self.numbers))

    @property
    def options(self) -> dict[str, int]:
        return dict(zip(SIZES[self.architecture], self.numbers))

    @property
    def macs_per_ms(self) -> int:
        """As `understudy evaluate` counts them."""
        return (ELMShape if self.architecture == "elm" else Shape)(1, **self.options).macs_per_ms


def sizes(text: str) -> tuple[Size, ...]:
    """Reads "elm:16x16x24,tcn:32x6"; each size once."""
    out = []
    for part in filter(None, text.split(",")):
        architecture, _, numbers = part.strip().partition(":")
        try:
            size = Size(architecture, tuple(int(n) for n in numbers.split("x")))
            if len(size.numbers) != len(SIZES[architecture]) or min(size.numbers) < 1:
                raise ValueError
        except (KeyError, ValueError):
            raise argparse.ArgumentTypeError(f"{part!r}: want elm:BRANCHESxMEMORYxHIDDEN or tcn:FEATURESxBLOCKS") from None
        out += [size] if size not in out else []
    return tuple(out)


def each(number: type):
    """Reads "48", for both architectures, or "elm:48,tcn:16", for those that it names."""
    def read(text: str) -> dict:
        try:
            if ":" not in text:
                return dict.fromkeys(SIZES, number(text))
            out = {a: number(n) for a, n in (part.strip().split(":") for part in text.split(","))}
            if set(out) - set(SIZES):
                raise ValueError
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}: want a number, or elm:NUMBER,tcn:NUMBER") from None
        return out

    return read


class Trials:
    """The trials to train on, which a file keeps: a data set may grow while the networks are trained, and one would
    see more of it than another."""

    def __init__(self, path: str, folders: list[str]):
        try:
            manifests = [hashlib.sha256(pathlib.Path(f, "manifest.json").read_bytes()).hexdigest() for f in folders]
        except OSError as e:
            raise DataError(f"{e.filename}: {e.strerror}") from e
        if not os.path.exists(path):
            data = [Dataset(f) for f in folders]
            doc = [{"manifest_sha256": m, "numbers": sorted(d.trials), "steps": [d.trials[k].steps for k in sorted(d.trials)]}
                   for m, d in zip(manifests, data)]
            write_atomic(path, json.dumps({"folders": doc}).encode())
        try:
            with open(path, encoding="utf-8") as f:
                self.folders = json.load(f)["folders"]
            known = [d["manifest_sha256"] for d in self.folders]
        except (ValueError, KeyError, TypeError) as e:
            raise DataError(f"{path}: {e}") from e
        if known != manifests:
            raise DataError(f"{path}: is of other data than {', '.join(folders)}; choose another --out, or remove it and all networks are trained anew")
        now = sum(name.startswith("trial_") and name.endswith(".npz") for f in folders for name in os.listdir(f))
        mine = sum(len(d["numbers"]) for d in self.folders)
        if now > mine:
            say(f"{now - mine} trials have come since the first run; {path} keeps to the {mine} of then, remove it to train all networks on all")

    def _first(self, hours: float | None) -> list[list[tuple[int, int]]]:
        """(number, steps) of the training trials of each folder, of the first hours or of all."""
        parts = [[(k, n) for k, n in zip(d["numbers"], d["steps"]) if i or k % HOLDOUT_EVERY] for i, d in enumerate(self.folders)]
        counts = first_hours([[n for _, n in part] for part in parts], math.inf if hours is None else hours)
        return [part[:n] for part, n in zip(parts, counts)]

    def count(self, hours: float | None) -> int:
        return sum(map(len, self._first(hours)))

    def hours(self, hours: float | None) -> float:
        """What there is of so many hours: whole trials."""
        return sum(n for part in self._first(hours) for _, n in part) / 3.6e6

    def only(self, hours: float | None) -> tuple[tuple[int, ...], ...]:
        """For fit.Options: the training trials and all that are held out."""
        held = [k for k in self.folders[0]["numbers"] if k % HOLDOUT_EVERY == 0]
        return tuple(tuple(sorted([k for k, _ in part] + ([] if i else held))) for i, part in enumerate(self._first(hours)))

    def digest(self, hours: float | None) -> str:
        """Tells one choice of trials from any other."""
        return hashlib.sha256(json.dumps([self.only(hours), [d["manifest_sha256"] for d in self.folders]]).encode()).hexdigest()[:16]


class Search(Runs):
    """One run: its options, and the folder it fills."""

    def __init__(self, a: argparse.Namespace):
        super().__init__(a.understudy, a.threads)
        self.a = a
        os.makedirs(self.path("networks"), exist_ok=True)
        self.trials = Trials(self.path("trials.json"), [a.data, *a.also])
        self.test = Dataset(a.test)

    def path(self, *names: str) -> str:
        return os.path.join(self.a.out, *names)

    def hours(self) -> list[float]:
        """Shares of the data for the learning curve, all of it left out; those that make the same trials once."""
        counts, out = {0, self.trials.count(None)}, []
        for h in self.a.hours or [self.trials.hours(None) / k for k in (8, 4, 2)]:
            n = self.trials.count(h)
            if n == 0 and self.a.hours:
                raise DataError(f"--hours {h:g}: not one training trial is as short")
            if n not in counts:
                counts.add(n)
                out.append(h)
        return sorted(out)

    def one(self, size: Size, seed: int, hours: float | None) -> dict:
        """Train and judge one network on the first hours of the data, or on all of it; its row."""
        a, kind, t = self.a, size.architecture, self.trials
        recipe = {key: getattr(a, key)[kind] for key in RECIPE}
        part = "" if hours is None else f"-{t.count(hours)}trials"
        path = self.path("networks", f"{size.name.replace(':', '-')}{part}-{seed}.safetensors")
        command = (f"python -m understudy.train.search: {size.name}, {t.count(hours)} trials of {t.hours(hours):.4g} h (those of digest {t.digest(hours)}), "
                   f"{a.updates} updates of {recipe['batch']} windows of {recipe['window_ms']} ms, {recipe['warmup_ms']} of them not scored, rate {recipe['lr']:g}, "
                   f"weight decay {recipe['weight_decay']:g}, weight of dendrites {recipe['dendrite_weight']:g}, of the voltage {recipe['voltage_weight']:g}, "
                   f"channel smoothing {a.channel_smoothing:g}, seed {seed}")
        made = runs.train(fit.Options(
            a.data, path, also=tuple(a.also), only=t.only(hours), steps=a.updates, seed=seed, architecture=kind, **size.options, **recipe,
            channel_smoothing=a.channel_smoothing, lr_warmup=min(100, max(1, a.updates // 20)), holdout_every=HOLDOUT_EVERY,
            eval_minutes=math.inf, rescan_s=math.inf, save_minutes=5, threads=a.threads, precision="f32", resume=True, command=command))
        row = {"size": size.name, "seed": seed, "training_trials": t.count(hours), "training_hours": t.hours(hours), "all_data": hours is None,
               "updates": a.updates, "hours_seen": made["figures"]["hours_seen"]}
        numbers = sorted(self.test.trials)
        row |= self.judge(path, a.test, len(numbers), rest=hashlib.sha256(json.dumps(numbers).encode()).hexdigest())
        say(line(row))
        return row

    def run(self, command: str) -> str:
        """Do all that is not there yet; returns the table."""
        a = self.a
        rows = [self.one(size, seed, None) for seed in a.seeds for size in a.sizes]
        rows += [self.one(size, seed, h) for seed in a.seeds for size in a.curve for h in self.hours()]
        order = [s.name for s in a.sizes]
        rows.sort(key=lambda r: (not r["all_data"], r["macs_per_ms"] if r["all_data"] else 0, order.index(r["size"]), r["training_hours"], r["seed"]))
        best = front(rows)
        for r in rows:
            r["front"] = r["all_data"] and r["size"] in best
        options = {k: v for k, v in vars(a).items() if k not in ("out", "understudy")}
        options |= {"sizes": order, "curve": [s.name for s in a.curve], "data": _base(a.data), "also": [_base(d) for d in a.also], "test": _base(a.test)}
        doc = {"command": command, "options": options, "front": best, "networks": rows}
        write_atomic(self.path("search.json"), (json.dumps(doc, indent=1) + "\n").encode())
        text = "\n".join(["Trained on all of the data; * on the Pareto front of AUC and cost", HEADER, *(line(r) for r in rows if r["all_data"])]) + "\n"
        if a.curve:
            text += "\n".join(["", "Trained on the first hours, and on all", HEADER, *(line(r) for s in a.curve for r in rows_of(rows, s.name))]) + "\n"
        write_atomic(self.path("search.txt"), text.encode())
        self.draw(self.path("search.svg"), "How well networks of several sizes predict spikes and voltage, against what they cost, their parameters and the hours of data they were trained on.",
                  panels(rows, best, [s.name for s in a.curve]), columns=2)
        return text


def _base(folder: str) -> str:
    return os.path.basename(os.path.abspath(folder))


def rows_of(rows: list[dict], size: str) -> list[dict]:
    """Those of the learning curve of a size."""
    return sorted((r for r in rows if r["size"] == size), key=lambda r: (r["training_hours"], r["seed"]))


def mean_auc(rows: list[dict]) -> dict[str, float]:
    """Of each size trained on all of the data, over its seeds."""
    of: dict[str, list[float]] = {}
    for r in rows:
        if r["all_data"] and r["auc"] is not None:
            of.setdefault(r["size"], []).append(r["auc"])
    return {size: float(np.mean(aucs)) for size, aucs in of.items()}


def front(rows: list[dict]) -> list[str]:
    """The sizes than which none that costs as little or less predicts spikes as well or better, by rising cost."""
    auc = mean_auc(rows)
    macs = {r["size"]: r["macs_per_ms"] for r in rows}
    out: list[str] = []
    for size in sorted(auc, key=lambda s: (macs[s], -auc[s])):
        if not out or auc[size] > auc[out[-1]]:
            out.append(size)
    return out


HEADER = ("   size             seed  trials    hours  hours seen  parameters  MACs/ms  spikes  AUC (95 % by trial)        TP at 1 % FP           "
          "RMSE mV                 variance %")


def line(r: dict) -> str:
    """A row of the table."""
    return (f"{'*' if r.get('front') else ' '}  {r['size']:15}  {r['seed']:4}  {r['training_trials']:6}  {r['training_hours']:7.3g}  {r['hours_seen']:10.3g}  "
            f"{r['parameters']:10}  {r['macs_per_ms']:7.0f}  {r['spikes']:6}  {interval(r, 'auc', 4):25}  {interval(r, 'tp_at_1pct_fp', 1, 100):21}  "
            f"{interval(r, 'voltage_rmse_mv', 3):22}  {interval(r, 'explained_variance', 1, 100)}")


def panels(rows: list[dict], best: list[str], curve: list[str]) -> list[dict]:
    """Against cost and parameters the networks of all of the data, by architecture; against hours those of the learning curve, by size."""
    whole = [r for r in rows if r["all_data"]]

    def by_architecture(x: str, key: str) -> list[dict]:
        return [c for a in SIZES for c in runs.curves(a.upper(), [r for r in whole if r["size"].startswith(a + ":")], lambda r: r[x], key)]

    def by_size(key: str) -> list[dict]:
        return [c for s in curve for c in runs.curves(s, rows_of(rows, s), lambda r: r["training_hours"], key)]

    auc = mean_auc(whole)
    macs = {r["size"]: r["macs_per_ms"] for r in whole}
    edge = [{"name": "Pareto front", "x": [macs[s] for s in best], "y": [auc[s] for s in best], "dashed": True}] if best else []
    cost, hours = "multiply-accumulates per ms", "hours of training data"
    out = [runs.panel(cost, "AUC", by_architecture("macs_per_ms", "auc") + edge, log=True),
           runs.panel(cost, "true positives at 1 % false", by_architecture("macs_per_ms", "tp_at_1pct_fp"), log=True),
           runs.panel(cost, "voltage RMSE, mV", by_architecture("macs_per_ms", "voltage_rmse_mv"), log=True, bottom=False),
           runs.panel("parameters", "AUC", by_architecture("parameters", "auc"), log=True)]
    if curve:
        out += [runs.panel(hours, "AUC", by_size("auc"), log=True), runs.panel(hours, "true positives at 1 % false", by_size("tp_at_1pct_fp"), log=True)]
    return out


def _hours(text: str) -> list[float]:
    return [float(h) for h in text.split(",") if h]


#: What --quick chooses: it shows that all works, and nothing else.
QUICK = {"sizes": "elm:4x6x8,elm:8x8x12,tcn:4x2", "curve": "elm:4x6x8", "hours": [], "seeds": (1,), "updates": 3,
         "batch": dict.fromkeys(SIZES, 2), "window_ms": dict.fromkeys(SIZES, 400), "warmup_ms": dict.fromkeys(SIZES, 50)}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m understudy.train.search", description=__doc__,
        epilog="example: python -m understudy.train.search --understudy build/understudy --data data --test test --out search",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, metavar="DIR", help="trials to train on; every 20th is held out, as by the trainer")
    p.add_argument("--also", action="append", default=[], metavar="DIR", help="further trials of the same cell to train on; repeatable")
    p.add_argument("--test", required=True, metavar="DIR", help="trials to judge on, made with another seed")
    p.add_argument("--out", required=True, metavar="FOLDER", help="folder to write, made where it is missing")
    p.add_argument("--understudy", default="understudy", metavar="FILE", help="the command (%(default)s)")
    p.add_argument("--quick", action="store_true", help="networks of a few units, a few updates; options given beside it are overruled")
    g = p.add_argument_group("networks")
    g.add_argument("--sizes", type=sizes, default="elm:16x16x24,elm:30x30x50,elm:45x60x100,elm:45x100x200,tcn:32x6,tcn:64x8", metavar="SIZE,...",
                   help="elm:BRANCHESxMEMORYxHIDDEN or tcn:FEATURESxBLOCKS, to train on all of the data (%(default)s)")
    g.add_argument("--max-macs", type=float, default=math.inf, help="leave out sizes of more multiply-accumulates per ms")
    g.add_argument("--curve", type=sizes, default="elm:45x100x200", metavar="SIZE,...", help="sizes to train on the first hours too; \"\": none (%(default)s)")
    g.add_argument("--hours", type=_hours, default=[], metavar="H,H,...", help="first hours of the training trials to train on; "
                   "what exceeds the data counts as all (an eighth, a quarter and half of all)")
    g.add_argument("--seeds", type=ints, default=(1,), metavar="S,S,...", help="one network of each size and share of the data for each (1)")
    g = p.add_argument_group("training", "A number, or one for each architecture: elm:48,tcn:16")
    g.add_argument("--updates", type=int, default=4000, help="of every network, one number (%(default)s)")
    g.add_argument("--channel-smoothing", type=float, default=4.0, help="one number, as of the trainer (%(default)s)")
    for key, text in (("window_ms", "length of a window"), ("batch", "windows of an update"), ("warmup_ms", "start of a window that is not scored"),
                      ("lr", "peak of the learning rate"), ("weight_decay", "as of the trainer"), ("dendrite_weight", "as of the trainer"),
                      ("voltage_weight", "as of the trainer")):
        default = ",".join(f"{a}:{n:g}" for a, n in RECIPE[key].items())
        g.add_argument("--" + key.replace("_", "-"), type=each(type(RECIPE[key]["elm"])), default={}, metavar="N", help=f"{text} ({default})")
    p.add_argument("--threads", type=int, default=1, help="threads (%(default)s)")
    return p


def options(argv: list[str]) -> argparse.Namespace:
    """Reads and checks them; exit status 2 where they are wrong."""
    p = parser()
    a = p.parse_args(argv)
    for key, default in RECIPE.items():
        setattr(a, key, default | getattr(a, key))
    if a.quick:
        vars(a).update(QUICK, sizes=sizes(QUICK["sizes"]), curve=sizes(QUICK["curve"]))
    low = [key for key in ("window_ms", "batch", "lr") if not min(getattr(a, key).values()) > 0]
    low += [key for key in ("updates", "threads") if getattr(a, key) < 1]
    if low:
        p.error(f"--{low[0].replace('_', '-')} wants more than 0")
    if min(a.channel_smoothing, *(n for key in RECIPE for n in getattr(a, key).values())) < 0:
        p.error("--channel-smoothing, --warmup-ms, --weight-decay, --dendrite-weight, --voltage-weight want at least 0")
    if any(a.warmup_ms[k] >= a.window_ms[k] for k in SIZES):
        p.error("--warmup-ms: nothing of a window is left to score")
    if not a.seeds or not all(0 < h < math.inf for h in a.hours):
        p.error("--seeds wants one at least, --hours numbers above 0")
    every = a.sizes + tuple(s for s in a.curve if s not in a.sizes)  # the learning curve ends with all of the data
    for s in every:
        if s.macs_per_ms > a.max_macs:
            say(f"left out: {s.name}, {s.macs_per_ms} multiply-accumulates a ms")
    a.sizes, a.curve = (tuple(s for s in group if s.macs_per_ms <= a.max_macs) for group in (every, a.curve))
    if not a.sizes:
        p.error("--sizes, --max-macs: no size is left")
    a.max_macs = None if a.max_macs == math.inf else a.max_macs
    return a


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    argv = sys.argv[1:] if argv is None else argv
    a = options(argv)
    return runs.finish("understudy.train.search", lambda: Search(a).run(runs.portable("understudy.train.search", argv)))


if __name__ == "__main__":
    sys.exit(main())
