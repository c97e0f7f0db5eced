"""The baseline: a generalised linear model with 32 weights.

Events are summed per group (kind x region: excitatory and inhibitory, basal and
apical), each sum is filtered by eight raised cosines on a logarithmic time axis,
and the 4 x 8 results are weighted: through a sigmoid for the spike, linearly for
the clipped voltage. Fitted to its optimum on the training trials, judged on the
same held-out trials and by the same figures as a surrogate.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from . import metrics
from .data import CLIP_MV, DataError, Dataset, Trial

BASES = 8
SPAN_MS = 250


def cosine_bases(count: int = BASES, span: int = SPAN_MS) -> np.ndarray:
    """Raised cosines [count, span] over the delay [ms], evenly spaced in log(delay + 1), unit sum."""
    x = np.log(np.arange(span) + 1.0)
    centre = np.linspace(0, np.log(span) * (count - 1) / count, count)
    width = 2 * (centre[1] - centre[0])
    y = 0.5 * (1 + np.cos(np.clip(np.pi * (x - centre[:, None]) / width, -np.pi, np.pi)))
    return y / y.sum(1, keepdims=True)


class GLM:
    """Spike probability and voltage from filtered sums of 4 groups; fitted by Newton's method and least squares.

    bases [count, span] are the filters over the delay [ms]: by default the raised cosines.
    """

    def __init__(self, data: Dataset, bases: np.ndarray | None = None):
        kind, region = np.array(data.manifest["channel_kind"]), np.array(data.manifest["region"])
        pairs = sorted(set(zip(kind, region)))
        self.groups = [f"{k} {r}" for k, r in pairs]
        self.group = np.array([pairs.index(p) for p in zip(kind, region)])
        self.bases = cosine_bases() if bases is None else bases

    def design(self, trial: Trial) -> np.ndarray:
        """Filtered sums [T, groups*bases + 1], the last column 1."""
        T, G = trial.steps, len(self.groups)
        step = np.repeat(np.arange(T), np.diff(trial.start))
        sums = np.bincount(step * G + self.group[trial.channel], weights=trial.weight, minlength=T * G).reshape(T, G)
        n = 1 << (T + self.bases.shape[1] - 1).bit_length()
        spectrum = np.fft.rfft(sums, n, axis=0)
        filters = np.fft.rfft(self.bases, n, axis=1).T
        x = np.fft.irfft(spectrum[:, :, None] * filters[:, None, :], n, axis=0)[:T]
        return np.concatenate([x.reshape(T, -1), np.ones((T, 1))], 1).astype(np.float32)

    def fit(self, trials: list[Trial], iterations: int = 25) -> None:
        """Maximum likelihood for the spikes, least squares for the voltage, after the first 500 ms."""
        x = np.concatenate([self.design(t)[metrics.SKIP_MS :] for t in trials])
        y = np.concatenate([t.spike[metrics.SKIP_MS :] for t in trials])
        v = np.concatenate([np.minimum(t.v, CLIP_MV)[metrics.SKIP_MS :] for t in trials]).astype(np.float64)
        self.mean, self.std = x[:, :-1].mean(0), x[:, :-1].std(0) + 1e-9
        x[:, :-1] = (x[:, :-1] - self.mean) / self.std
        n = x.shape[1]
        ridge = 1e-6 * len(x) * np.eye(n)
        gram = (x.T @ x).astype(np.float64)
        self.wv = np.linalg.solve(gram + ridge, _tv(x, v))
        w = np.zeros(n)
        rate = max(y.mean(), 1e-6)
        w[-1] = np.log(rate / (1 - rate))
        value = _likelihood(x, y, w)
        for _ in range(iterations):
            p = _sigmoid(x @ w.astype(np.float32))
            grad = _tv(x, y - p)
            hess = (x * (p * (1 - p))[:, None]).T @ x
            delta = np.linalg.solve(hess.astype(np.float64) + 1e-3 * np.eye(n), grad)
            # Halve the step until the likelihood does not fall.
            for _ in range(20):
                new = _likelihood(x, y, w + delta)
                if new >= value:
                    break
                delta /= 2
            w = w + delta
            if new - value < 1e-9 * abs(value):
                break
            value = new
        self.ws = w
        self.log_likelihood = value

    def filters(self) -> tuple[np.ndarray, np.ndarray]:
        """The same as one filter [2, groups, span] over the delay, and a bias [2]: of the spike's logit, of the voltage [mV]."""
        w = np.stack([self.ws, self.wv])
        per_sum = w[:, :-1] / self.std
        return (np.einsum("ogb,bs->ogs", per_sum.reshape(2, len(self.groups), -1), self.bases),
                w[:, -1] - per_sum @ self.mean)

    def predict(self, trial: Trial) -> tuple[np.ndarray, np.ndarray]:
        """Spike probability [T] and voltage [T, mV]."""
        x = self.design(trial)
        x[:, :-1] = (x[:, :-1] - self.mean) / self.std
        return _sigmoid(x @ self.ws), x @ self.wv


def _tv(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x^T y with float64 sums, in blocks."""
    return sum(x[a : a + 65536].T.astype(np.float64) @ y[a : a + 65536] for a in range(0, len(x), 65536))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -60, 60)))


def _likelihood(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    z = (x @ w.astype(np.float32)).astype(np.float64)
    return float((y * z - np.logaddexp(0, z)).sum())


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = argparse.ArgumentParser(
        prog="python -m understudy.train.glm", description=__doc__,
        epilog="example: python -m understudy.train.glm --data l5pc-data --json",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, metavar="DIR", help="folder with manifest.json and trial_*.npz")
    p.add_argument("--test", metavar="DIR", help="judge on all trials of this folder instead of the held-out ones")
    p.add_argument("--holdout-every", type=int, default=20, help="hold out trials whose number is a multiple (20)")
    p.add_argument("--max-trials", type=int, default=600, help="fit on at most so many trials (600); 33 numbers need no more")
    p.add_argument("--json", action="store_true", help="print the figures as JSON")
    a = p.parse_args(argv)
    if a.holdout_every < 2 or a.max_trials < 1:
        p.error("--holdout-every wants at least 2, --max-trials at least 1")
    try:
        data = Dataset(a.data)
        train, held = data.split(every=a.holdout_every)
        if a.test:
            held = list(Dataset(a.test).trials.values())
        if not train or not held:
            raise DataError(f"{a.data}: {len(train)} training and {len(held)} held-out trials, want at least one of each")
        train = train[:: -(-len(train) // a.max_trials)]
        glm = GLM(data)
        glm.fit(train)
    except (DataError, OSError) as e:
        print(f"understudy.train.glm: {e}", file=sys.stderr)
        return 1
    out = [glm.predict(t) for t in held]
    f = metrics.figures([o[0] for o in out], [o[1] for o in out], [t.spike for t in held],
                        [t.v for t in held])
    if a.json:
        print(json.dumps({"model": "glm", "weights": len(glm.ws) - 1, "trained_on": len(train)} | f.to_dict()))
    else:
        print(f"GLM, {len(glm.ws) - 1} weights, {len(train)} trials: AUC {f.auc:.4f}  TP at 1% FP {f.tp_at_1pct_fp:.3f}  "
              f"RMSE {f.rmse_mv:.3f} mV  EV {100 * f.explained_variance:.2f} %  ({f.spikes} spikes, {f.trials} trials)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
