"""Command line of the training."""

from __future__ import annotations

import argparse
import json
import os
import sys

# PyTorch's threads otherwise spin while they wait for each other; on a machine that
# also makes the data, that costs far more than waking up. Must precede the import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .data import DataError  # noqa: E402
from .fit import Options, TrainingError, train  # noqa: E402
from .runs import ints, portable  # noqa: E402


def parser() -> argparse.ArgumentParser:
    d = Options("", "")
    p = argparse.ArgumentParser(
        prog="python -m understudy.train",
        description="Train a surrogate on trials written by `understudy dataset`. Trials that appear while it "
                    "runs are picked up. Writes the best model so far, a checkpoint and a log beside it.",
        epilog="example: python -m understudy.train --data l5pc-data --out l5pc.safetensors --minutes 45 --threads 2",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--data", required=True, metavar="DIR", help="folder with manifest.json and trial_*.npz")
    p.add_argument("--also", action="append", default=[], metavar="DIR", help="further data of the same cell, say with other "
                   "statistics of the input, to train on and not to judge by; repeatable")
    p.add_argument("--max-hours", type=float, default=d.max_hours, help="train on at most so many simulated hours: the first trials by number "
                   "of --data and of each --also, of each folder the same share; 0: all. Held-out trials stay what they are")
    p.add_argument("--init", default=d.init, metavar="M.safetensors", help="elm: start from this model's weights, say to go on with more data; it may be smaller")
    p.add_argument("--out", required=True, metavar="M.safetensors", help="model file to write")
    p.add_argument("--name", default=d.name, help="name in the model file; empty: from --out")
    p.add_argument("--minutes", type=float, default=d.minutes, help="wall time to train")
    p.add_argument("--steps", type=int, default=d.steps, help="updates to do instead of --minutes; with it, a finished "
                   "data set and one machine, a run can be repeated exactly")
    p.add_argument("--seed", type=int, default=d.seed)
    g = p.add_argument_group("network")
    g.add_argument("--architecture", choices=("tcn", "elm"), default=d.architecture,
                   help="tcn: residual convolutions; elm: the recurrent neuron of Spieler et al. (2023), for which windows of "
                        "1,000 ms, 48 to a batch, suit")
    g.add_argument("--branches", type=int, default=d.branches, help="elm: leaky sums of events")
    g.add_argument("--memory", type=int, default=d.memory, help="elm: memory units")
    g.add_argument("--hidden", type=int, default=d.hidden, help="elm: units between")
    g.add_argument("--features", type=int, default=d.features, help="width of every layer")
    g.add_argument("--smooth", type=int, default=d.smooth, help="steps of the depthwise convolution after the embedding")
    g.add_argument("--blocks", type=int, default=d.blocks, help="residual blocks")
    g.add_argument("--kernel", type=int, default=d.kernel, help="taps of each block's convolution")
    g.add_argument("--dilations", type=ints, default=d.dilations, metavar="D,D,...", help="one per block; default 1,2,4,...")
    g.add_argument("--rank", type=int, default=d.rank, help="free numbers per channel in the embedding; 0: as many as features")
    g.add_argument("--channel-smoothing", type=float, default=d.channel_smoothing,
                   help="how much channels on neighbouring segments of a section share their weights; 4: nearly all of them")
    g = p.add_argument_group("optimisation")
    g.add_argument("--window-ms", type=int, default=d.window_ms)
    g.add_argument("--warmup-ms", type=int, default=d.warmup_ms, help="start of a window that is not scored")
    g.add_argument("--batch", type=int, default=d.batch, help="windows per update")
    g.add_argument("--lr", type=float, default=d.lr, help="peak of the learning rate, cosine decay to 0")
    g.add_argument("--lr-warmup", type=int, default=d.lr_warmup, help="updates until the peak")
    g.add_argument("--weight-decay", type=float, default=d.weight_decay)
    g.add_argument("--clip", type=float, default=d.clip, help="largest norm of the gradient")
    g.add_argument("--spike-weight", type=float, default=d.spike_weight,
                   help="weight of the cross-entropy against the squared voltage error in (10 mV)^2")
    g.add_argument("--voltage-weight", type=float, default=d.voltage_weight, help="weight of the squared voltage error itself")
    g.add_argument("--dendrite-weight", type=float, default=d.dendrite_weight,
                   help="weight of the squared error of the dendritic voltages, in units of their variance, where the data "
                        "have them (dataset --voltages); 0: ignore them")
    g.add_argument("--dropout", type=float, default=d.dropout, help="share of a block's outputs that an update zeroes")
    g.add_argument("--ema", type=float, default=d.ema, help="decay of the moving average of the weights")
    g = p.add_argument_group("judging")
    g.add_argument("--holdout-every", type=int, default=d.holdout_every, help="hold out trials whose number is a multiple")
    g.add_argument("--holdout", type=ints, default=d.holdout, metavar="K,K,...", help="hold out these trials instead")
    g.add_argument("--eval-minutes", type=float, default=d.eval_minutes, help="time between evaluations")
    g.add_argument("--eval-trials", type=int, default=d.eval_trials, help="held-out trials to use on the way; all at the end")
    g.add_argument("--refractory-ms", type=int, default=d.refractory_ms, help="ms after a spike in which the surrogate emits none")
    g = p.add_argument_group("machine")
    g.add_argument("--threads", type=int, default=d.threads, help="0: PyTorch's choice")
    g.add_argument("--precision", choices=("auto", "f32", "bf16"), default=d.precision,
                   help="auto: bf16 products only where the CPU has AMX or AVX512-BF16, or on a GPU")
    g.add_argument("--device", default=d.device)
    g.add_argument("--resume", action="store_true", help="go on from the checkpoint beside --out, if there is one")
    p.add_argument("--json", action="store_true", help="print the final figures as JSON")
    return p


def check(p: argparse.ArgumentParser, a: argparse.Namespace) -> None:
    for name in ("branches", "memory", "hidden", "features", "smooth", "blocks", "kernel", "window_ms", "batch", "holdout_every", "eval_trials"):
        if getattr(a, name) < 1:
            p.error(f"--{name.replace('_', '-')} {getattr(a, name)}: want at least 1")
    for name in ("max_hours", "rank", "channel_smoothing", "refractory_ms", "voltage_weight", "dendrite_weight"):
        if getattr(a, name) < 0:
            p.error(f"--{name.replace('_', '-')} {getattr(a, name)}: want at least 0")
    if not 0 <= a.dropout < 1:
        p.error(f"--dropout {a.dropout}: want 0 <= dropout < 1")
    for name in ("minutes", "lr", "clip", "eval_minutes"):
        if not getattr(a, name) > 0:
            p.error(f"--{name.replace('_', '-')} {getattr(a, name)}: want more than 0")
    if a.dilations and (len(a.dilations) != a.blocks or min(a.dilations) < 1):
        p.error(f"--dilations {a.dilations}: want {a.blocks} numbers of at least 1")
    if not 0 <= a.ema < 1:
        p.error(f"--ema {a.ema}: want 0 <= ema < 1")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    argv = sys.argv[1:] if argv is None else argv
    p = parser()
    a = p.parse_args(argv)
    check(p, a)
    values = vars(a)
    as_json = values.pop("json")
    values["also"] = tuple(values["also"])
    try:
        record = train(Options(**values, command=portable("understudy.train", argv)))
    except (DataError, TrainingError, OSError) as e:
        print(f"understudy.train: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; go on with --resume", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
