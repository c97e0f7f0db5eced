"""The paper's control: how deep must a network be, with NMDA synapses and without?

Beniaguev, Segev & London (2021) found one hidden layer enough for a layer-5 pyramidal cell
whose excitatory synapses are AMPA alone, and not for one with NMDA. This makes the data of
both cells with the `understudy dataset` command, trains one family of networks on each
(layered.py: they differ in depth alone), judges them on other trials with `understudy
evaluate`, and writes to --out:

  control.json, control.txt  figures with 95 % intervals by trial
  control.svg                AUC and explained variance of the voltage against depth
  lif.svg                    filters learned from a leaky integrate-and-fire neuron, beside its true kernel
  data/, networks/           what that rests on; what is there already is kept

CONTROL.md beside this file says what came of it. With the same options, and on one machine,
the result is the same. It may be interrupted and goes on with the same command.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from . import baselines, fit, glm, lif_filter, runs  # noqa: E402
from .data import Dataset  # noqa: E402
from .export import write_atomic  # noqa: E402
from .layered import Layered, LayeredShape  # noqa: E402
from .runs import Runs, interval, ints, number, say  # noqa: E402

#: Seeds of the data.
TRAIN_SEED, TEST_SEED = 1, 2

#: Dendritic voltages that are learned beside the outputs.
VOLTAGES = 32

#: The excitatory synapses and what the figure calls them.
SYNAPSES = {"nmda": "NMDA and AMPA", "ampa": "AMPA alone"}


class Control(Runs):
    """One run: its options, and the folder it fills."""

    def __init__(self, a: argparse.Namespace):
        super().__init__(a.understudy, a.threads)
        self.a = a

    def path(self, *names: str) -> str:
        return os.path.join(self.a.out, *names)

    def make(self, name: str, trials: int, seed: int, *options: str) -> str:
        """The folder of a data set of so many trials."""
        folder = self.path("data", name)
        say(self.understudy("dataset", "--trials", str(trials), "--seed", str(seed), "--seconds", f"{self.a.seconds:g}",
                            "--threads", str(self.a.threads), "--out", folder, *options).strip())
        return folder

    def train(self, synapses: str, folder: str, depth: int, units: int, seed: int) -> str:
        """The model file of a trained network; one that was made in the same way is kept."""
        a = self.a
        path = self.path("networks", f"{synapses}-{depth}-{units}-{seed}.safetensors")
        command = (f"python -m understudy.train.control: {synapses}, {a.trials} trials of {a.seconds:g} s, {depth} hidden layers of {units} units, "
                   f"rank {a.rank}, receptive field {a.span} ms, channel smoothing {a.channel_smoothing:g}, "
                   f"{a.updates} updates of {a.batch} windows of {a.window_ms} ms, rate {a.lr:g}, seed {seed}")
        runs.train(fit.Options(
            folder, path, steps=a.updates, seed=seed, window_ms=a.window_ms, batch=a.batch, warmup_ms=a.span, lr=a.lr, lr_warmup=max(1, a.updates // 20),
            channel_smoothing=a.channel_smoothing, weight_decay=0.05, dendrite_weight=0.5, ema=0.99, eval_minutes=math.inf, rescan_s=math.inf, save_minutes=5, threads=a.threads, precision="f32",
            resume=True, command=command), make=lambda channels, voltages: Layered(LayeredShape(channels, depth, units, a.rank, a.span, voltages=voltages)))
        return path

    def glm(self, synapses: str, folder: str, test: str) -> dict:
        """The row of the generalised linear model that a network has to beat before depth says anything."""
        out = self.path("networks", f"{synapses}-glm")
        command = f"python -m understudy.train.control: {synapses}, {self.a.trials} trials of {self.a.seconds:g} s, generalised linear model"
        path = os.path.join(out, "glm.safetensors")
        if not runs.made_by(path, command):
            options = baselines.parser().parse_args(["--data", folder, "--out", out, "--seed", "1"])
            options.only = ["glm"]
            baselines.run(options, command)
        return {"synapses": synapses, "depth": "GLM", "units": 4 * glm.BASES, "seed": "-"} | self.judge(path, test, self.a.test_trials)

    def networks(self) -> list[dict]:
        """Train and judge all of them; a row each, written as they come."""
        a = self.a
        os.makedirs(self.path("networks"), exist_ok=True)
        folders = {}
        for s in SYNAPSES:
            folders[s] = (self.make(s, a.trials, TRAIN_SEED, "--synapses", s, "--voltages", str(VOLTAGES)),
                          self.make(s + "-test", a.test_trials, TEST_SEED, "--synapses", s))
        sizes = [(d, a.units) for d in a.depths] + ([(1, a.wide)] if a.wide else [])
        rows = []
        linear = [self.glm(s, train, test) for s, (train, test) in folders.items()]
        for row in linear:
            say(line(row))
        for seed in a.seeds:
            for s, (train, test) in folders.items():
                one = None
                for depth, units in sorted(sizes, key=lambda size: (size != (1, a.units), size)):  # the one the others are compared with comes first
                    path = self.train(s, train, depth, units, seed)
                    shape = LayeredShape(1, depth, units, a.rank, a.span)
                    row = {"synapses": s, "depth": depth, "units": units, "seed": seed, "first_kernel_ms": shape.first, "dilations": shape.dilations}
                    rows.append(row | self.judge(path, test, a.test_trials, one))
                    one = one or (path if (depth, units) == (1, a.units) else None)
                    say(line(rows[-1]))
        rows.sort(key=lambda r: (list(SYNAPSES).index(r["synapses"]), r["units"], r["depth"], r["seed"]))
        return sorted(linear + rows, key=lambda r: list(SYNAPSES).index(r["synapses"]))

    def lif(self) -> dict:
        """Filters of the leaky integrate-and-fire neuron."""
        a = self.a
        train, test = (Dataset(self.make(name, n, seed, "--cell", "lif")) for name, n, seed in
                       (("lif", a.lif_trials, TRAIN_SEED), ("lif-test", a.lif_trials, TEST_SEED)))
        cell = json.loads(self.understudy("cell", "info", "--cell", "lif", "--json"))["parameters"]
        return lif_filter.fit(train, test, cell)

    def run(self, command: str) -> str:
        """Do all that is not there yet; returns the table."""
        lif = self.lif()
        self.draw(self.path("lif.svg"), "Filters learned from a leaky integrate-and-fire neuron lie on its true kernel.", lif_filter.panels(lif))
        rows = self.networks()
        doc = {"command": command, "options": {k: v for k, v in vars(self.a).items() if k not in ("out", "understudy")},
               "data_seeds": [TRAIN_SEED, TEST_SEED], "networks": rows, "lif": lif}
        write_atomic(self.path("control.json"), (json.dumps(doc, indent=1) + "\n").encode())
        text = "\n".join([HEADER, *(line(r) for r in rows), "", lif_filter.line(lif)]) + "\n"
        write_atomic(self.path("control.txt"), text.encode())
        self.draw(self.path("control.svg"), "AUC and explained variance of the voltage against the number of hidden layers, for the cell with NMDA synapses and with AMPA alone.",
                  [panel(rows, self.a.units, "auc", "AUC"), panel(rows, self.a.units, "explained_variance", "explained variance")])
        return text


HEADER = ("synapses  hidden layers  units  seed  spikes  AUC (95 % by trial)        gain over one (paired)       "
          "TP at 1 % FP  bits/spike  RMSE mV  variance % (95 %)")


def line(r: dict) -> str:
    """A row of the table."""
    gain = interval(r, "auc_gain", 4) if r.get("auc_gain") is not None else "-"
    return (f"{r['synapses']:8}  {r['depth']:>13}  {r['units']:5}  {r['seed']:>4}  {r['spikes']:6}  {interval(r, 'auc', 4):25}  {gain:27}  "
            f"{number(r['tp_at_1pct_fp'], 1, 100):>12}  {number(r['bits_per_spike'], 2):>10}  {number(r['voltage_rmse_mv'], 3):>7}  "
            f"{interval(r, 'explained_variance', 1, 100)}")


def panel(rows: list[dict], units: int, key: str, label: str) -> dict:
    """Means over seeds joined by lines, every network with its interval."""
    drawn = []
    depths = sorted({r["depth"] for r in rows if r["depth"] != "GLM" and r["units"] == units})
    for k, (s, name) in enumerate(SYNAPSES.items()):
        mine = [r for r in rows if r["synapses"] == s and r["units"] == units and r["depth"] != "GLM"]
        seeds = sorted({r["seed"] for r in mine if r[key] is not None})
        drawn += runs.curves(name, mine, lambda r: r["depth"], key, lambda r: r["depth"] + 0.06 * (2 * k - 1) + 0.04 * seeds.index(r["seed"]))
    for s, name in SYNAPSES.items():  # after the others, whose colours are then those of the synapses
        drawn += [{"name": f"GLM, {name}", "x": [depths[0], depths[-1]], "y": [r[key]] * 2, "dashed": True}
                  for r in rows if r["synapses"] == s and r["depth"] == "GLM" and r[key] is not None]
    return runs.panel("hidden layers", label, drawn)


#: What --quick chooses: it shows that all works, and nothing else.
QUICK = {"trials": 6, "test_trials": 3, "lif_trials": 3, "seconds": 0.8, "depths": (0, 1, 3), "units": 8, "wide": 12, "rank": 4, "span": 60,
         "seeds": (1,), "updates": 3, "batch": 2, "window_ms": 400}


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m understudy.train.control", description=__doc__,
        epilog="example: python -m understudy.train.control --understudy build/understudy --out control",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, metavar="FOLDER", help="folder to write, made where it is missing")
    p.add_argument("--understudy", default="understudy", metavar="FILE", help="the command (%(default)s)")
    p.add_argument("--quick", action="store_true", help="a trial of a few seconds; options given beside it are overruled")
    g = p.add_argument_group("data")
    g.add_argument("--hours", type=float, default=1.0, help="simulated time to train on, of each cell (%(default)s)")
    g.add_argument("--test-trials", type=int, default=200, help="trials to judge on (%(default)s)")
    g.add_argument("--lif-trials", type=int, default=60, help="trials of the leaky integrate-and-fire neuron, to fit and as many to judge (%(default)s)")
    g.add_argument("--seconds", type=float, default=6.0, help="length of a trial [s] (%(default)s)")
    g = p.add_argument_group("networks")
    g.add_argument("--depths", type=ints, default=(0, 1, 2, 3, 5, 7), metavar="D,D,...", help="hidden layers (0,1,2,3,5,7); 0 is linear")
    g.add_argument("--seeds", type=ints, default=(1, 2, 3), metavar="S,S,...", help="one network of each depth for each (1,2,3)")
    g.add_argument("--units", type=int, default=32, help="of every hidden layer (%(default)s)")
    g.add_argument("--wide", type=int, default=256, help="units of a further network with one hidden layer; 0: none (%(default)s)")
    g.add_argument("--rank", type=int, default=24, help="of the first layer's weights (%(default)s)")
    g.add_argument("--span", type=int, default=200, help="receptive field of all networks [ms] (%(default)s)")
    g.add_argument("--channel-smoothing", type=float, default=4.0, help="how much channels on neighbouring segments share their weights (%(default)s)")
    g.add_argument("--updates", type=int, default=2000, help="of every network (%(default)s)")
    g.add_argument("--batch", type=int, default=8, help="windows of an update (%(default)s)")
    g.add_argument("--window-ms", type=int, default=1850, help="length of a window (%(default)s)")
    g.add_argument("--lr", type=float, default=2e-3, help="peak of the learning rate (%(default)s)")
    p.add_argument("--threads", type=int, default=1, help="threads (%(default)s)")
    return p


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = parser()
    argv = sys.argv[1:] if argv is None else argv
    a = p.parse_args(argv)
    a.trials = round(a.hours * 3600 / a.seconds) if a.seconds > 0 else 0
    if a.quick:
        vars(a).update(QUICK)
    if min(a.trials, a.test_trials, a.lif_trials, a.units, a.rank, a.updates, a.batch, a.threads) < 1 or min(a.wide, a.channel_smoothing) < 0 or a.lr <= 0:
        p.error("--hours, --test-trials, --lif-trials, --units, --rank, --updates, --batch, --threads and --lr want more than 0")
    if a.seconds <= 0.5 or a.window_ms < 2 * a.span:
        p.error("--seconds wants more than 0.5, which are not judged; --window-ms at least twice --span")
    if not a.seeds or not a.depths or min(a.depths) < 0 or LayeredShape(1, max(a.depths), span=a.span).first < 1:
        p.error(f"--seeds, --depths: want one at least, and no deeper network than fits into {a.span} ms")
    return runs.finish("understudy.train.control", lambda: Control(a).run("python -m understudy.train.control " + shlex.join(argv)))


if __name__ == "__main__":
    sys.exit(main())
