"""Trials as ``understudy dataset`` writes them.

A data set is a folder with ``manifest.json`` and one ``trial_000123.npz`` per
trial. Events stay sparse in memory: about 30 MB per 100 trials of 6 s with 14
events a ms.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np

#: Above this the soma voltage is clipped [mV], so that spikes do not dominate the error.
CLIP_MV = -55.0

_TRIAL = re.compile(r"trial_(\d+)\.npz$")


class DataError(Exception):
    """A file of the data set does not parse or does not fit; the text names it."""


@dataclass
class Trial:
    """One trial of T steps of 1 ms.

    channel [M] holds the channel of every event in the order of steps; events of
    step k are ``channel[start[k]:start[k+1]]``; weight [M], or None where all are 1.
    spike [T] is True at label steps, ``int(t_peak - 0.5)``. v [T] is the soma
    voltage [mV] at t = k, not clipped. dend [T, K] is the voltage of K dendritic
    segments in units of 0.01 mV, or None (``dataset --voltages``).
    """

    index: int
    channel: np.ndarray
    start: np.ndarray
    weight: np.ndarray | None
    spike: np.ndarray
    v: np.ndarray
    dend: np.ndarray | None = None

    @property
    def steps(self) -> int:
        return len(self.v)


def _read(path: str, channels: int, index: int, voltages: int) -> Trial:
    with np.load(path, allow_pickle=False) as z:
        needed = {"in_channel", "in_t_ms", "spike_ms", "v_soma_mv"} | ({"v_dend_10uv"} if voltages else set())
        missing = needed - set(z.files)
        if missing:
            raise ValueError(f"has no array {sorted(missing)[0]}")
        channel, t = z["in_channel"], z["in_t_ms"]
        weight = z["in_weight"] if "in_weight" in z.files else None
        peaks, v = z["spike_ms"], z["v_soma_mv"]
        dend = z["v_dend_10uv"] if voltages else None
    for name, a in (("in_channel", channel), ("in_t_ms", t), ("spike_ms", peaks), ("v_soma_mv", v)):
        if a.ndim != 1 or not np.issubdtype(a.dtype, np.number):
            raise ValueError(f"{name} is {a.dtype} of shape {a.shape}, want numbers in one dimension")
    if not np.issubdtype(channel.dtype, np.integer):
        raise ValueError(f"in_channel is {channel.dtype}, want integers")
    steps = len(v)
    if steps == 0 or not np.isfinite(v).all():
        raise ValueError("v_soma_mv is empty or not finite")
    if len(t) != len(channel):
        raise ValueError(f"in_t_ms has {len(t)} entries, in_channel {len(channel)}")
    if len(t) and (not np.isfinite(t).all() or t.min() < 0 or t.max() >= steps):
        raise ValueError(f"in_t_ms spans {t.min()} to {t.max()}, want 0 <= t < {steps}")
    if len(channel) and (channel.min() < 0 or channel.max() >= channels):
        raise ValueError(f"in_channel spans {channel.min()} to {channel.max()}, want 0 to {channels - 1}")
    if weight is not None:
        if weight.shape != channel.shape or not np.isfinite(weight).all():
            raise ValueError("in_weight does not fit in_channel or is not finite")
        weight = None if (weight == 1).all() else weight.astype(np.float32)
    if dend is not None and (dend.shape != (steps, voltages) or dend.dtype != np.int16):
        raise ValueError(f"v_dend_10uv is {dend.dtype} of shape {dend.shape}, want int16 of shape {(steps, voltages)}")
    if not np.isfinite(peaks).all():
        raise ValueError("spike_ms is not finite")

    # Channels up to 32767 take two bytes an event.
    channel = channel.astype(np.int16 if channels <= 32767 else np.int32)
    step = t.astype(np.int32)
    if (np.diff(step) < 0).any():
        order = np.argsort(step, kind="stable")
        step, channel = step[order], channel[order]
        weight = weight[order] if weight is not None else None
    start = np.zeros(steps + 1, np.int32)
    np.cumsum(np.bincount(step, minlength=steps), out=start[1:])
    spike = np.zeros(steps, bool)
    label = (peaks - 0.5).astype(np.int64)
    spike[label[(label >= 0) & (label < steps)]] = True
    return Trial(index, channel, start, weight, spike, v.astype(np.float32), dend)


def read_trial(path: str, channels: int, voltages: int = 0) -> Trial:
    """Read and check one trial, with its dendritic voltages where there are any; raises DataError that names the file."""
    m = _TRIAL.search(path)
    try:
        return _read(path, channels, int(m.group(1)) if m else -1, voltages)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error,
            NotImplementedError) as e:
        raise DataError(f"{path}: {e}") from e


def spread(section: list, kind: list, strength: float) -> np.ndarray:
    """``(1 + strength L)^-1`` [C, C], L the graph Laplacian of the channels.

    Channels of one kind on adjacent segments of a section are neighbours. Strength 0 is
    the identity; a large one averages over each section.
    """
    channels = len(section)
    link = [section[c] == section[c + 1] and kind[c] == kind[c + 1] for c in range(channels - 1)]
    beside = np.diag(np.array(link, float), 1)
    beside += beside.T
    laplacian = np.diag(beside.sum(1)) - beside
    return np.linalg.inv(np.eye(channels) + strength * laplacian).astype(np.float32)


def first_hours(lengths: list[list[int]], hours: float) -> list[int]:
    """How many of each folder's trials make up at most so many hours, the first of each and of each the same share.

    lengths has the steps of every folder's trials. What a lower limit takes a higher one takes too.
    """
    limit, total = hours * 3.6e6, sum(map(sum, lengths))
    if limit >= total:
        return [len(n) for n in lengths]
    # What a sum is above by rounding alone still counts as reached.
    return [int(np.searchsorted(np.cumsum(n), limit / total * sum(n) * (1 + 1e-9), side="right")) for n in lengths]


class Dataset:
    """The trials of a folder; :meth:`rescan` picks up those that were added since.

    only: the numbers of the trials to read, all of which must be there; None: whichever there are.
    """

    def __init__(self, folder: str, only: set[int] | None = None):
        self.folder = folder
        self.only = only
        path = os.path.join(folder, "manifest.json")
        try:
            with open(path, "rb") as f:
                raw = f.read()
            self.manifest = json.loads(raw)
            if self.manifest.get("schema") != 1:
                raise ValueError(f"schema {self.manifest.get('schema')!r}, want 1")
            self.channels = int(self.manifest["channels"])
            if self.channels < 1:
                raise ValueError(f"channels {self.channels}, want at least 1")
            for key in ("channel_kind", "segment", "section", "x", "region"):
                if len(self.manifest[key]) != self.channels:
                    raise ValueError(f"{key} has {len(self.manifest[key])} entries, want {self.channels}")
            self.voltages = len(self.manifest.get("voltages") or [])
        except KeyError as e:
            raise DataError(f"{path}: has no key {e}") from e
        except (OSError, ValueError, TypeError, AttributeError) as e:
            raise DataError(f"{path}: {e}") from e
        self.manifest_sha256 = hashlib.sha256(raw).hexdigest()
        self.trials: dict[int, Trial] = {}
        self.rescan()
        if only is not None and (missing := only - set(self.trials)):
            raise DataError(f"{folder}: has no trial_{min(missing):06d}.npz")

    def spread(self, strength: float) -> np.ndarray:
        """:func:`spread` of the data's channels."""
        return spread(self.manifest["section"], self.manifest["channel_kind"], strength)

    def must_match(self, other: Dataset) -> None:
        """Raise DataError unless other is of the same cell and keeps the voltages of the same segments."""
        for key in ("channels", "channel_kind", "segment", "section", "x", "voltages"):
            if self.manifest.get(key) != other.manifest.get(key):
                raise DataError(f"{other.folder}: {key} of its manifest differs from that of {self.folder}")

    def rescan(self, limit: int | None = None) -> int:
        """Read trials not yet in memory, at most limit of them; returns how many."""
        new = []
        for name in os.listdir(self.folder):
            m = _TRIAL.fullmatch(name)
            if m and int(m.group(1)) not in self.trials and (self.only is None or int(m.group(1)) in self.only):
                new.append((int(m.group(1)), name))
        for k, name in sorted(new)[:limit]:
            self.trials[k] = read_trial(os.path.join(self.folder, name), self.channels, self.voltages)
        return len(new[:limit])

    def split(self, holdout: set[int] | None = None, every: int = 20) -> tuple[list[Trial], list[Trial]]:
        """Training and held-out trials in order of number.

        Held out are the trials in holdout, or those whose number is a multiple of every.
        """
        def out(k: int) -> bool:
            return k in holdout if holdout is not None else k % every == 0

        ks = sorted(self.trials)
        return [self.trials[k] for k in ks if not out(k)], [self.trials[k] for k in ks if out(k)]


@dataclass
class Batch:
    """B windows of T steps as :class:`understudy.train.ops.EventSum` wants them.

    Bags are numbered b*T + t. spike and v are [T, B]; score [T, B] is False
    where a window's past is cut off. dend [T, B, K] in units of 0.01 mV, or None.
    """

    T: int
    B: int
    channels: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray | None
    t_bags: np.ndarray
    t_offsets: np.ndarray
    t_weights: np.ndarray | None
    spike: np.ndarray
    v: np.ndarray
    score: np.ndarray
    dend: np.ndarray | None


def make_batch(windows: list[tuple[Trial, int]], T: int, channels: int, warmup: int,
               backward: bool = True) -> Batch:
    """Cut windows (trial, first step) of T steps out of trials.

    The first warmup steps are not scored, except at a trial's start, where there
    is no past to miss. Without backward the ``t_`` arrays stay empty.
    """
    B = len(windows)
    parts, weights, offsets, counts = [], [], [], []
    spike, v, score = np.zeros((T, B), np.float32), np.zeros((T, B), np.float32), np.ones((T, B), bool)
    n = 0
    dend = None
    if backward and windows[0][0].dend is not None:
        dend = np.stack([trial.dend[s : s + T] for trial, s in windows], 1)
    weighted = any(trial.weight is not None for trial, _ in windows)
    for b, (trial, s) in enumerate(windows):
        lo, hi = trial.start[s], trial.start[s + T]
        parts.append(trial.channel[lo:hi])
        if weighted:
            weights.append(np.ones(hi - lo, np.float32) if trial.weight is None else trial.weight[lo:hi])
        offsets.append(n + (trial.start[s : s + T] - lo))
        counts.append(np.diff(trial.start[s : s + T + 1]))
        n += hi - lo
        spike[:, b] = trial.spike[s : s + T]
        v[:, b] = np.minimum(trial.v[s : s + T], CLIP_MV)
        if s > 0:
            score[:warmup, b] = False
    ch = np.concatenate(parts)
    w = np.concatenate(weights) if weighted else None
    empty = np.zeros(0, np.int32)
    t_bags, t_offsets, t_w = empty, empty, None
    if backward:
        # numpy sorts 16-bit integers by radix, in linear time.
        order = np.argsort(ch, kind="stable")
        t_bags = np.repeat(np.arange(B * T, dtype=np.int32), np.concatenate(counts))[order]
        t_offsets = np.zeros(channels, np.int32)
        np.cumsum(np.bincount(ch, minlength=channels)[:-1], out=t_offsets[1:])
        t_w = w[order] if w is not None else None
    return Batch(T, B, ch.astype(np.int32), np.concatenate(offsets).astype(np.int32), w,
                 t_bags, t_offsets, t_w, spike, v, score, dend)
