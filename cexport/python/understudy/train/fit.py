"""The training loop."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import io
import json
import math
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F

from . import export, metrics
from .data import CLIP_MV, Batch, DataError, Dataset, Trial, first_hours, make_batch
from .elm import ELM, ELMShape
from .network import TCN, Shape
from .numpy_eval import read_model

#: Unit of the voltage output [mV].
V_SCALE_MV = 10.0


@dataclass
class Options:
    """What a run is; a checkpoint can only be resumed with the same network options."""

    data: str
    out: str
    init: str = ""  # model file to start from
    also: tuple[str, ...] = ()  # further folders, all of whose trials are for training
    only: tuple[tuple[int, ...], ...] = ()  # numbers of the trials to read of data and of each of also; empty: all, and those to come
    max_hours: float = 0.0  # of training trials, see data.first_hours; 0: all
    name: str = ""
    minutes: float = 30.0
    steps: int = 0  # 0: as many as fit into minutes; else exactly these, reproducible
    seed: int = 1
    architecture: str = "tcn"  # or elm
    branches: int = 45
    memory: int = 100
    hidden: int = 200
    features: int = 64
    smooth: int = 9
    blocks: int = 8
    kernel: int = 4
    dilations: tuple[int, ...] = ()
    rank: int = 0
    dropout: float = 0.0
    channel_smoothing: float = 0.0
    window_ms: int = 3000
    batch: int = 6
    warmup_ms: int = 500
    lr: float = 2e-3
    lr_warmup: int = 100  # steps
    weight_decay: float = 0.01
    clip: float = 1.0
    spike_weight: float = 20.0
    voltage_weight: float = 1.0
    dendrite_weight: float = 0.2
    ema: float = 0.999
    refractory_ms: int = 3
    holdout_every: int = 20
    holdout: tuple[int, ...] = ()
    eval_minutes: float = 2.0
    eval_trials: int = 100
    rescan_s: float = 60.0
    save_minutes: float = math.inf  # time between checkpoints; there is one at every evaluation too
    threads: int = 0
    precision: str = "auto"
    device: str = "cpu"
    resume: bool = False
    command: str = ""
    description: str = ""  # for the model file


def bf16_pays(device: str) -> bool:
    """Whether products in bfloat16 are faster than in float32 on this device."""
    if device != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    has = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get("amx_bf16") or has.get("avx512_bf16"))


def keep_memory() -> None:
    """Tell glibc to keep freed memory: activations are a few MB each, and giving them
    back to the system and faulting them in again costs a tenth of the time."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, its upper limit
    mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
    mallopt(-2, 256 << 20)  # M_TOP_PAD


@contextlib.contextmanager
def whole():
    """An interrupt (Ctrl-C) within comes at the end: a checkpoint of half an update would not go on as the unbroken run."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


class TrainingError(Exception):
    """The optimisation failed."""


def checkpoint(out: str) -> str:
    """The checkpoint's file beside the model file out."""
    return os.path.splitext(out)[0] + ".ckpt"


class Trainer:
    """State of a run: network, optimiser, moving average, best model so far.

    make(channels, voltages) returns a network other than those that the options describe.
    """

    def __init__(self, opt: Options, log=None, make=None):
        self.opt = opt
        self.log = log or (lambda record: None)
        if opt.threads:
            torch.set_num_threads(opt.threads)
        torch.manual_seed(opt.seed)
        only = [set(numbers) for numbers in opt.only] or [None] * (1 + len(opt.also))
        self.data, *self.also = (Dataset(folder, numbers) for folder, numbers in zip((opt.data, *opt.also), only, strict=True))
        for d in self.also:
            self.data.must_match(d)
        self.seen = export.TrainingRange()
        self._counted: set[int] = set()  # ids of trials
        self._split()
        if not self.train or not self.held:
            raise DataError(f"{opt.data}: {len(self.train)} training and {len(self.held)} held-out trials, want at least one of each")
        bf16 = opt.precision == "bf16" or (opt.precision == "auto" and bf16_pays(opt.device))
        voltages = self.data.voltages if opt.dendrite_weight else 0
        if make:
            net = make(self.data.channels, voltages)
        elif opt.architecture == "elm":
            net = ELM(ELMShape(self.data.channels, opt.branches, opt.memory, opt.hidden, voltages=voltages))
        else:
            net = TCN(Shape(self.data.channels, opt.features, opt.smooth, opt.blocks, opt.kernel, opt.dilations,
                            opt.rank, voltages, opt.dropout), bf16)
        if opt.channel_smoothing:
            net.spread = torch.from_numpy(self.data.spread(opt.channel_smoothing))
        self.net = net.to(opt.device)
        self.mean = copy.deepcopy(self.net)  # moving average of the weights
        self.optim = torch.optim.AdamW(self.net.parameters(), lr=opt.lr, weight_decay=opt.weight_decay)
        v = np.concatenate([np.minimum(t.v[::10], CLIP_MV) for t in self.train[:200]])
        self.v_offset = round(float(v.mean()), 3)
        self.dend_mean = self.dend_std = None
        if voltages:
            d = np.concatenate([t.dend[::10] for t in self.train[:200]]).astype(np.float32)
            self.dend_mean, self.dend_std = torch.from_numpy(d.mean(0)), torch.from_numpy(d.std(0) + 1)
        if opt.init:
            self._start_from(opt.init)
        self.step = 0
        self.elapsed = 0.0  # seconds of training, over all resumed parts
        self.hours_seen = 0.0
        self.best = math.inf  # lowest loss on the trials of _judged_on
        self._judged_on: tuple[int, ...] = ()
        self.figures: dict = {}
        if opt.resume:
            self._load()

    @property
    def checkpoint(self) -> str:
        return checkpoint(self.opt.out)

    def _split(self) -> None:
        holdout = set(self.opt.holdout) or None
        self.train, self.held = self.data.split(holdout, self.opt.holdout_every)
        parts = [self.train] + [[d.trials[k] for k in sorted(d.trials)] for d in self.also]
        if self.opt.max_hours:
            counts = first_hours([[t.steps for t in part] for part in parts], self.opt.max_hours)
            parts = [part[:n] for part, n in zip(parts, counts)]
        self.train = [t for part in parts for t in part]
        for t in self.train:
            if id(t) not in self._counted:
                self._counted.add(id(t))
                self.seen.add(t, self.data.channels)

    def _network_options(self) -> dict:
        return self.net.shape.to_dict() | {"seed": self.opt.seed}

    def _start_from(self, path: str) -> None:
        """Take weights and voltage offset from a model file; dendrites and optimiser begin anew."""
        try:
            doc, tensors = read_model(path)
            self.net.load_tensors(tensors)
            self.mean.load_tensors(tensors)
            self.v_offset = float(doc["heads"]["v_soma"]["offset"])
        except (OSError, ValueError, KeyError, AttributeError) as e:
            raise DataError(f"{path}: cannot start from it: {e}") from e

    def save(self) -> None:
        """Write the checkpoint."""
        buf = io.BytesIO()
        torch.save({"network": self._network_options(), "command": self.opt.command, "net": self.net.state_dict(),
                    "mean": self.mean.state_dict(), "optim": self.optim.state_dict(),
                    "v_offset": self.v_offset, "dend_mean": self.dend_mean, "dend_std": self.dend_std, "step": self.step, "elapsed": self.elapsed,
                    "hours_seen": self.hours_seen, "best": self.best, "figures": self.figures}, buf)
        export.write_atomic(self.checkpoint, buf.getvalue())

    def _load(self) -> None:
        path = self.checkpoint
        if not os.path.exists(path):
            return
        try:
            # weights_only: a checkpoint cannot run code.
            c = torch.load(path, map_location=self.opt.device, weights_only=True)
            if c["network"] != self._network_options():
                raise ValueError(f"was made with {c['network']}, asked for {self._network_options()}")
            self.net.load_state_dict(c["net"])
            self.mean.load_state_dict(c["mean"])
            self.optim.load_state_dict(c["optim"])
        except Exception as e:
            raise DataError(f"{path}: {e}") from e
        for k in ("v_offset", "dend_mean", "dend_std", "step", "elapsed", "hours_seen", "best", "figures"):
            setattr(self, k, c[k])

    def _batch(self, step: int):
        """The windows of one step; they depend on seed, step and the trials there are, nothing else."""
        rng = np.random.default_rng([self.opt.seed, step])
        T = min(self.opt.window_ms, min(t.steps for t in self.train))
        windows: list[tuple[Trial, int]] = []
        for k in rng.integers(len(self.train), size=self.opt.batch):
            t = self.train[k]
            # A tenth begins where the trial does, with the network at rest.
            s = 0 if rng.random() < 0.1 else int(rng.integers(t.steps - T + 1))
            windows.append((t, s))
        return make_batch(windows, T, self.data.channels, min(self.opt.warmup_ms, T // 2))

    def _loss(self, b: Batch) -> tuple[torch.Tensor, float]:
        """What is minimised, and the part of it by which held-out trials are judged."""
        x = self.net.features(b)
        z = self.net.head(x)
        dev = z.device
        m = torch.from_numpy(b.score).to(dev).float()
        bce = F.binary_cross_entropy_with_logits(z[..., 0], torch.from_numpy(b.spike).to(dev), reduction="none")
        d = z[..., 1] - (torch.from_numpy(b.v).to(dev) - self.v_offset) / V_SCALE_MV
        loss = ((self.opt.spike_weight * bce + self.opt.voltage_weight * d * d) * m).sum() / m.sum()
        if self.net.dendrites is None:
            return loss, loss.item()
        target = (torch.from_numpy(b.dend).to(dev).float() - self.dend_mean.to(dev)) / self.dend_std.to(dev)
        e = (self.net.dendrites(x) - target).square().mean(-1)
        return loss + self.opt.dendrite_weight * (e * m).sum() / m.sum(), loss.item()

    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        if self.opt.steps:
            return min(1.0, self.step / self.opt.steps)
        return min(1.0, self.elapsed / (60 * self.opt.minutes))

    def train_step(self) -> float:
        """One update; returns the loss without the dendrites' part."""
        opt = self.opt
        rate = opt.lr * 0.5 * (1 + math.cos(math.pi * self.progress())) * min(1.0, (self.step + 1) / max(1, opt.lr_warmup))
        for g in self.optim.param_groups:
            g["lr"] = rate
        b = self._batch(self.step)
        self.net.train()
        if opt.dropout:  # so that a resumed run drops what the unbroken one would
            torch.manual_seed(opt.seed * 1_000_003 + self.step)
        loss, shown = self._loss(b)
        self.optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), opt.clip)
        self.optim.step()
        self.step += 1
        self.hours_seen += b.T * b.B / 3.6e6
        decay = min(opt.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.net.parameters()), 1 - decay)
        return shown

    @torch.no_grad()
    def settle(self) -> None:
        """Measure the averaged network's normalisation statistics on training windows.

        The statistics of the averaged weights are not the average of statistics.
        """
        norms = [m for m in self.mean.modules() if isinstance(m, torch.nn.BatchNorm1d)]
        if not norms:
            return
        for n in norms:
            n.reset_running_stats()
            n.momentum = None  # plain average
        self.mean.train()
        for k in range(12):
            self.mean(self._batch(2**40 + k))
        self.mean.eval()

    @torch.no_grad()
    def predict(self, trials: list[Trial]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Spike probability and voltage [mV] of every trial, by the averaged network."""
        self.mean.eval()
        ps, vs = [], []
        for a in range(0, len(trials), 4):
            group = trials[a : a + 4]
            parts = [group] if len({t.steps for t in group}) == 1 else [[t] for t in group]
            for part in parts:
                z = self.mean(make_batch([(t, 0) for t in part], part[0].steps, self.data.channels, 0, backward=False))
                p = torch.sigmoid(z[..., 0]).cpu().numpy()
                v = (self.v_offset + V_SCALE_MV * z[..., 1]).cpu().numpy()
                ps += [p[:, i].copy() for i in range(len(part))]
                vs += [v[:, i].copy() for i in range(len(part))]
        return ps, vs

    def judge(self, trials: list[Trial]) -> tuple[dict, float, float]:
        """Figures, threshold at which the rate is the true one, and loss, on trials."""
        p, v = self.predict(trials)
        y = [t.spike for t in trials]
        f = metrics.figures(p, v, y, [t.v for t in trials]).to_dict()
        n = metrics.SKIP_MS
        ps = np.concatenate([a[n:] for a in p]).astype(np.float64)
        ys = np.concatenate([a[n:] for a in y])
        q = np.clip(np.where(ys, ps, 1 - ps), 1e-12, 1)
        loss = self.opt.spike_weight * float(-np.log(q).mean()) + self.opt.voltage_weight * (f["rmse_mv"] / V_SCALE_MV) ** 2
        return f, metrics.rate_threshold([a[n:] for a in p], int(ys.sum()), self.opt.refractory_ms), loss

    def evaluate(self, final: bool = False) -> dict:
        """Judge on held-out trials; write the model file when it is the best so far."""
        self.settle()
        held = self.held
        if not final and len(held) > self.opt.eval_trials:
            held = held[:: math.ceil(len(held) / self.opt.eval_trials)]
        f, threshold, loss = self.judge(held)
        judged_on = tuple(t.index for t in held)
        if judged_on != self._judged_on:  # losses on other trials do not compare
            self.best, self._judged_on = math.inf, judged_on
        record = {"step": self.step, "minutes": round(self.elapsed / 60, 3), "hours_seen": round(self.hours_seen, 3),
                  "held_out_loss": loss, **f, "best": loss < self.best}
        if loss < self.best:
            self.best, self.figures = loss, f
            self._export(threshold)
        self.log(record)
        return record

    def _export(self, threshold: float) -> None:
        provenance = export.provenance((self.data, *self.also), self.train, self.opt.command, self.opt.seed,
                                       self.figures | {"hours_seen": round(self.hours_seen, 3), "updates": self.step})
        if self.opt.description:
            provenance["description"] = self.opt.description
        name = self.opt.name or os.path.splitext(os.path.basename(self.opt.out))[0]
        doc = export.document(self.mean, self.data, name, V_SCALE_MV, self.v_offset, threshold, self.opt.refractory_ms, self.seen, provenance)
        export.write_model(self.opt.out, export.tensors(self.mean), doc)

    def run(self, until_step: int | None = None, show=sys.stderr) -> dict:
        """Train until the budget is spent (or until_step), evaluating and saving on the way."""
        opt = self.opt
        last_eval = last_scan = last_show = last_save = mark = time.monotonic()
        losses: list[float] = []
        record: dict = {}
        while self.progress() < 1 and (until_step is None or self.step < until_step):
            with whole():
                losses.append(self.train_step())
            if not math.isfinite(losses[-1]):
                raise TrainingError(f"the loss is {losses[-1]} at step {self.step}; try a lower --lr")
            now = time.monotonic()
            self.elapsed += now - mark
            mark = now
            if now - last_show > 10:
                last_show = now
                done = self.progress()
                left = self.elapsed / max(done, 1e-9) * (1 - done)
                mean = float(np.mean(losses[-200:]))
                print(f"step {self.step}  loss {mean:.4f}  {self.hours_seen:.2f} h seen of {len(self.train)} trials"
                      f"  {60 * self.hours_seen / self.elapsed:.2f} h/min  {left / 60:.1f} min left", file=show, flush=True)
            if now - last_scan > opt.rescan_s:
                last_scan = now
                if sum(d.rescan() for d in (self.data, *self.also)):
                    self._split()
            if now - last_eval > 60 * opt.eval_minutes and self.progress() < 1:
                record = self.evaluate()
                self.save()
                last_eval = last_save = time.monotonic()
                print(_line(record), file=show, flush=True)
            elif now - last_save > 60 * opt.save_minutes:
                self.save()
                last_save = now
        record = self.evaluate(final=True)
        self.save()
        print(_line(record), file=show, flush=True)
        return record


def _line(r: dict) -> str:
    spikes = "no spikes" if r["auc"] is None else f"AUC {r['auc']:.4f}  TP at 1% FP {r['tp_at_1pct_fp']:.3f}"
    return (f"held out: {spikes}  RMSE {r['rmse_mv']:.3f} mV  "
            f"EV {100 * r['explained_variance']:.2f} %  ({r['spikes']} spikes, {r['trials']} trials, "
            f"{r['hours_seen']:.2f} h seen){'  best' if r['best'] else ''}")


def log_to(path: str, append: bool):
    """A log that appends records to a file of JSON lines."""
    f = open(path, "a" if append else "w", encoding="utf-8")

    def write(record: dict) -> None:
        f.write(json.dumps(record) + "\n")
        f.flush()

    return write


def train(opt: Options) -> dict:
    """One run from options; returns the last record of figures."""
    keep_memory()
    write = log_to(os.path.splitext(opt.out)[0] + ".log.jsonl", opt.resume)
    trainer = Trainer(opt, write)
    s = trainer.net.shape
    write({"options": asdict(opt), "receptive_field_ms": s.receptive_field, "macs_per_ms": s.macs_per_ms,
           "parameters": sum(p.numel() for p in trainer.net.parameters()),
           "trials": len(trainer.train), "held_out": len(trainer.held)})
    try:
        return trainer.run()
    except KeyboardInterrupt:
        trainer.save()
        raise
