"""Figures of merit, defined as ``understudy evaluate`` defines them.

All are taken over the 1 ms bins after the first 500 ms of every trial, pooled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from .data import CLIP_MV

#: Bins at the start of a trial that are not judged [ms].
SKIP_MS = 500

#: An emitted spike so near to a true one is right [ms].
WITHIN_MS = 2


@dataclass
class Figures:
    """What a model reached, and on how much data that rests."""

    auc: float  # area under the ROC curve, ties count half
    tp_at_1pct_fp: float  # true positives at 1 % false positives
    rmse_mv: float  # of the voltages, both clipped at -55 mV
    explained_variance: float  # 1 - var(error) / var(truth), same voltages
    spikes: int
    bins: int
    trials: int

    def to_dict(self) -> dict:
        """For JSON, which has no NaN: figures without spikes to rest on are None."""
        return {k: v if np.isfinite(v) else None for k, v in asdict(self).items()}


def roc(score: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates, from (0, 0) to (1, 1), one point per distinct score."""
    order = np.argsort(-score, kind="stable")
    s, y = score[order], label[order].astype(bool)
    last = np.flatnonzero(np.append(s[1:] != s[:-1], True))
    tp, fp = np.cumsum(y)[last], np.cumsum(~y)[last]
    tpr = np.append(0, tp) / max(1, y.sum())
    fpr = np.append(0, fp) / max(1, (~y).sum())
    return fpr, tpr


def auc(score: np.ndarray, label: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a spike bin outranks another, ties half."""
    if label.all() or not label.any():
        return float("nan")
    fpr, tpr = roc(score, label)
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))


def tp_at_fp(score: np.ndarray, label: np.ndarray, fp: float = 0.01) -> float:
    """Largest true positive rate of a threshold whose false positive rate is at most fp."""
    if label.all() or not label.any():
        return float("nan")
    fpr, tpr = roc(score, label)
    # Rates are rounded quotients: a hair more than fp is fp.
    return float(tpr[np.searchsorted(fpr, fp * (1 + 1e-12), side="right") - 1])


def emitted(score: np.ndarray, threshold: float, refractory: int) -> np.ndarray:
    """Steps [N] of the spikes of one trial: score [T] >= threshold, but none in the refractory steps after one."""
    out, following = [], 0
    for t in np.flatnonzero(score >= threshold):
        if t >= following:
            out.append(t)
            following = t + refractory + 1
    return np.array(out, np.int64)


def rate_threshold(score: list[np.ndarray], spikes: int, refractory: int = 0) -> float:
    """The highest threshold at which trials of score [T] emit at least so many spikes; 1 for none."""
    if spikes < 1:
        return 1.0
    values = np.unique(np.concatenate(score))
    low, high = 0, len(values)  # at low enough are emitted, at high too few
    while high - low > 1:
        middle = (low + high) // 2
        if sum(len(emitted(s, values[middle], refractory)) for s in score) >= spikes:
            low = middle
        else:
            high = middle
    return float(values[low])


def match(truth: np.ndarray, predicted: np.ndarray, within: float = WITHIN_MS) -> int:
    """How many spikes can be paired one to one within so many ms; both in order of time."""
    hits = i = j = 0
    while i < len(truth) and j < len(predicted):
        d = predicted[j] - truth[i]
        if abs(d) <= within:
            hits, i, j = hits + 1, i + 1, j + 1
        elif d < 0:
            j += 1
        else:
            i += 1
    return hits


def timing(emitted: list[np.ndarray], spike: list[np.ndarray]) -> dict:
    """Precision and recall within 2 ms of emitted spikes, both [T] flags by trial."""
    hits = n = truth = 0
    for e, s in zip(emitted, spike):
        a, b = np.flatnonzero(s[SKIP_MS:]), np.flatnonzero(e[SKIP_MS:])
        hits, n, truth = hits + match(a, b), n + len(b), truth + len(a)
    return {"precision_2ms": hits / n if n else None, "recall_2ms": hits / truth if truth else None, "emitted": n}


def figures(score: list[np.ndarray], v: list[np.ndarray], spike: list[np.ndarray],
            v_true: list[np.ndarray]) -> Figures:
    """Judge trials: score and spike [T], v and v_true [T] in mV, clipped here."""
    s = np.concatenate([a[SKIP_MS:] for a in score])
    y = np.concatenate([a[SKIP_MS:] for a in spike]).astype(bool)
    p = np.minimum(np.concatenate([a[SKIP_MS:] for a in v]).astype(np.float64), CLIP_MV)
    t = np.minimum(np.concatenate([a[SKIP_MS:] for a in v_true]).astype(np.float64), CLIP_MV)
    e = p - t
    return Figures(auc(s, y), tp_at_fp(s, y), float(np.mean(e * e)) ** 0.5, 1 - float(np.var(e) / np.var(t)),
                   int(y.sum()), len(y), len(score))
