"""What the commands that train and judge many networks share: control.py and search.py.

What is there already is kept, as long as it was made in the same way: so that an
interrupted command goes on when it is given again.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
from typing import Callable

import numpy as np
import torch

from . import fit
from .data import DataError
from .export import write_atomic
from .numpy_eval import read_model


class CommandError(Exception):
    """The understudy command failed, or gave what was not asked for."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def portable(program: str, argv: list[str]) -> str:
    """The command as provenance keeps it: without the folders of this machine."""
    return f"python -m {program} " + shlex.join(os.path.basename(w.rstrip("/")) if "/" in w else w for w in argv)


def ints(text: str) -> tuple[int, ...]:
    return tuple(int(s) for s in text.split(",") if s)


def finish(program: str, work: Callable[[], str]) -> int:
    """Do the work and print the text that it gives; exit status 0 or 1 (failed)."""
    try:
        fit.keep_memory()
        print(work(), end="")
    except (DataError, CommandError, OSError, fit.TrainingError) as e:
        say(f"{program}: {e}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
        return 1
    return 0


class Runs:
    """Runs the understudy command, with so many threads."""

    def __init__(self, understudy: str, threads: int):
        self.file, self.threads = understudy, threads

    def understudy(self, *args: str, stdin: str | None = None) -> str:
        """What the understudy command prints; its progress goes to standard error."""
        try:
            r = subprocess.run([self.file, *args], input=stdin, stdout=subprocess.PIPE, text=True, check=False)
        except OSError as e:
            raise CommandError(f"{self.file}: {e.strerror}; name the command with --understudy") from e
        if r.returncode:
            raise CommandError(f"understudy {args[0]} failed with status {r.returncode}")
        return r.stdout

    def draw(self, path: str, alt: str, panels: list[dict], **layout: int) -> None:
        """A figure; panel and layout are as in host/cmd/understudy/plot.go."""
        self.understudy("plot", "--out", path, stdin=json.dumps({"alt": alt, "panels": panels} | layout))

    def judge(self, path: str, test: str, trials: int, one: str | None = None, rest: str = "") -> dict:
        """Figures of a model file on the trials of test, of which there must be so many, and its gain over the model file one.

        rest is what the figures rest on besides the files.
        """
        # What the figures rest on: they are not taken again while it is the same.
        rest = "".join(hashlib.sha256(pathlib.Path(p).read_bytes()).hexdigest() for p in (path, one, os.path.join(test, "manifest.json")) if p) + rest
        cache = path.removesuffix("safetensors") + "json"
        if os.path.exists(cache):
            with open(cache, encoding="utf-8") as f:
                known = json.load(f)
            if known.pop("rest") == rest:
                return known
        r = json.loads(self.understudy("evaluate", "--model", path, "--data", test, "--threads", str(self.threads), "--json",
                                       *(["--baseline", "one=" + one] if one else [])))
        if r["trials"] != trials:
            raise CommandError(f"{test} has {r['trials']} trials, want {trials}")
        out = {"trials": r["trials"], "spikes": r["true_spikes"], "parameters": r["model_info"]["parameters"], "macs_per_ms": r["model_info"]["macs_per_ms"]}
        for key in ("auc", "tp_at_1pct_fp", "voltage_rmse_mv", "explained_variance", "bits_per_spike"):
            figure = r["calibration"][key] if key == "bits_per_spike" else r[key]
            out[key] = figure and figure["value"]
            out[key + "_interval"] = r["confidence"][key]
        if one:
            b = r["baselines"][0]
            out["auc_gain"] = b["auc_below_model"] and b["auc_below_model"]["value"]
            out["auc_gain_interval"] = b["auc_below_model_interval"]
        write_atomic(cache, json.dumps({"rest": rest} | out).encode())
        return out


def made_by(path: str, command: str) -> dict | None:
    """The provenance of the model file if it is there and that command made it; else says what will be made."""
    if os.path.exists(path) and (known := read_model(path)[0]["provenance"])["command"] == command:
        return known
    say(command.split(": ", 1)[1])
    return None


def train(opt: fit.Options, make=None) -> dict:
    """Train the model file opt.out unless it was made by opt.command; returns its provenance.

    No choice among models: the last one counts. opt.command says after a colon what makes the network.
    """
    if known := made_by(opt.out, opt.command):
        return known
    _drop_foreign_checkpoint(opt)
    trainer = fit.Trainer(opt, make=make)
    try:
        trainer.run()
    except KeyboardInterrupt:
        trainer.save()
        raise
    os.remove(trainer.checkpoint)
    return read_model(opt.out)[0]["provenance"]


def _drop_foreign_checkpoint(opt: fit.Options) -> None:
    """Remove the checkpoint of a run that was interrupted and had other options: its network would be a mixture."""
    path = fit.checkpoint(opt.out)
    if not os.path.exists(path):
        return
    try:
        command = torch.load(path, map_location="cpu", weights_only=True).get("command", opt.command)
    except Exception as e:
        raise DataError(f"{path}: {e}") from e
    if command != opt.command:
        say("  an interrupted run of other options or data is given up")
        os.remove(path)


def number(x: float | None, digits: int, scale: float = 1) -> str:
    return "-" if x is None else f"{scale * x:.{digits}f}"


def interval(row: dict, key: str, digits: int, scale: float = 1) -> str:
    """A figure of the table with its interval."""
    low, high = row.get(key + "_interval") or (None, None)
    return f"{number(row.get(key), digits, scale)} ({number(low, digits, scale)} to {number(high, digits, scale)})"


def curves(name: str, rows: list[dict], x: Callable[[dict], float], key: str, beside: Callable[[dict], float] | None = None) -> list[dict]:
    """Means over networks of the same x joined by a line, and every network with its interval, drawn beside x."""
    rows = [r for r in rows if r[key] is not None]
    if not rows:
        return []
    places = sorted({x(r) for r in rows})
    mean = [float(np.mean([r[key] for r in rows if x(r) == p])) for p in places]
    low, high = zip(*(r[key + "_interval"] or (r[key], r[key]) for r in rows))
    return [{"name": name, "x": places, "y": mean},
            {"name": name, "x": [(beside or x)(r) for r in rows], "y": [r[key] for r in rows], "low": low, "high": high, "points": True}]


def panel(x: str, y: str, drawn: list[dict], **more: bool) -> dict:
    """A panel for draw; without curves it says so."""
    return {"x": x, "y": y, "bottom": True, "curves": drawn or [{"name": "no spikes", "x": [1 if more.get("log") else 0], "y": [0]}]} | more
