"""What a single unit learns from the leaky integrate-and-fire neuron, beside the neuron's true kernel.

Between spikes the neuron's voltage is a sum over its events of
jump * tau_s / (tau_m - tau_s) * (exp(-t / tau_m) - exp(-t / tau_s)): membrane and synapse. The
unit has a free weight for every ms of the past and kind of synapse, nothing that makes
them smooth, and is fitted to the spikes (through a sigmoid) and to the voltage (least
squares). A reset forgets the events before it, which a filter cannot; so the voltage is
fitted a second time, to the ms without a spike in the filter's reach.
"""

from __future__ import annotations

import numpy as np

from . import metrics
from .data import CLIP_MV, DataError, Dataset, Trial
from .glm import GLM

#: Length of the filters [ms].
TAPS = 100

#: Membrane time constants that a learned filter is compared with [ms].
TAUS_MS = np.arange(6, 40.01, 0.1)


def kernel(t: np.ndarray, tau_m: float, tau_s: float) -> np.ndarray:
    """Voltage [mV] at t [ms] after an event of 1 mV."""
    return tau_s / (tau_m - tau_s) * (np.exp(-t / tau_m) - np.exp(-t / tau_s))


def quiet(trial: Trial, reach: int) -> np.ndarray:
    """[T], True where no spike came in the last `reach` steps."""
    spikes = np.concatenate([[0], np.cumsum(trial.spike)])
    k = np.arange(trial.steps)
    return spikes[k] == spikes[np.maximum(k - reach, 0)]


def time_constant(t: np.ndarray, learned: list[np.ndarray], tau_s: float) -> float:
    """The membrane time constant [ms] whose kernel, scaled for each kind, is nearest to the learned filters."""
    def error(tau: float) -> float:
        k = kernel(t, tau, tau_s)
        return sum(float(np.square(f - k * (f @ k) / (k @ k)).sum()) for f in learned)

    return float(min(TAUS_MS, key=error))


def fit(train: Dataset, test: Dataset, cell: dict) -> dict:
    """Fit on train, judge on test. cell has TauM and TauSyn [ms], JumpExc and JumpInh [mV].

    Returns the time axes, the true kernel and the learned filters of both kinds, and figures. The filter
    of the spikes has no unit: both its kinds are scaled by one factor to be compared.
    """
    trials = list(train.trials.values())
    spikes = int(sum(t.spike[metrics.SKIP_MS :].sum() for t in trials))
    if not spikes:
        raise DataError(f"{train.folder}: no spikes to fit a filter to")
    g = GLM(train, np.eye(TAPS))  # groups in order: exc, inh
    g.fit(trials)
    spike, voltage = g.filters()[0]
    # Normal equations of the voltage without a spike nearby.
    n = g.bases.shape[0] * len(g.groups) + 1
    gram, target, quiet_ms = 1e-6 * np.eye(n), np.zeros(n), 0
    for t in trials:
        keep = quiet(t, TAPS)
        keep[: metrics.SKIP_MS] = False
        x = g.design(t)[keep].astype(np.float64)
        gram += x.T @ x
        target += x.T @ np.minimum(t.v, CLIP_MV)[keep]
        quiet_ms += len(x)
    undisturbed = np.linalg.solve(gram, target)[:-1].reshape(len(g.groups), TAPS)
    # The voltage is that at the start of a step, a spike comes within it: half a ms later on average.
    t_v, t_spike = np.arange(TAPS) * 1.0, np.arange(TAPS) + 0.5
    jumps, taus = np.array([[cell["JumpExc"]], [cell["JumpInh"]]]), (cell["TauM"], cell["TauSyn"])
    true_v, true_spike = jumps * kernel(t_v, *taus), jumps * kernel(t_spike, *taus)
    scale = float((spike * true_spike).sum() / (spike * spike).sum())
    filters = {"spikes": (t_spike, scale * spike, true_spike), "voltage": (t_v, voltage, true_v), "voltage, no spike within": (t_v, undisturbed, true_v)}
    out = [g.predict(t) for t in test.trials.values()]
    judged = list(test.trials.values())
    f = metrics.figures([o[0] for o in out], [o[1] for o in out], [t.spike for t in judged], [t.v for t in judged])
    return {
        "cell": cell, "trials": len(trials), "hours": sum(t.steps for t in trials) / 3.6e6, "quiet_ms": quiet_ms,
        "train_spikes": spikes, "mv_per_log_odds": scale,
        "filters": {name: {"t_ms": t.tolist(), "exc_mv": a[0].round(5).tolist(), "inh_mv": a[1].round(5).tolist(),
                           "correlation": float(np.corrcoef(a.ravel(), b.ravel())[0, 1]), "tau_m_ms": time_constant(t, list(a), taus[1])}
                    for name, (t, a, b) in filters.items()},
        "figures": f.to_dict(),
    }


def panels(r: dict) -> list[dict]:
    """The true kernel and the learned filters, excitatory and inhibitory."""
    cell = r["cell"]
    t = np.linspace(0, TAPS, 201)
    out = []
    for kind, jump, label in (("exc_mv", cell["JumpExc"], "excitatory event (mV)"), ("inh_mv", cell["JumpInh"], "inhibitory event (mV)")):
        names = {"spikes": "from spikes, scaled", "voltage": "from voltage", "voltage, no spike within": "from voltage, no spike within 100 ms"}
        curves = [{"name": names[k], "x": f["t_ms"], "y": f[kind]} for k, f in r["filters"].items()]
        curves.append({"name": "true", "x": t.tolist(), "y": (jump * kernel(t, cell["TauM"], cell["TauSyn"])).tolist(), "dashed": True})
        out.append({"x": "ms after the event", "y": label, "bottom": kind == "inh_mv", "curves": curves})
    return out


def line(r: dict) -> str:
    """What the filters say, in words."""
    f = r["figures"]
    parts = [f"{name}: correlation with the true kernel {x['correlation']:.4f}, membrane {x['tau_m_ms']:.1f} ms" for name, x in r["filters"].items()]
    auc = "-" if f["auc"] is None else f"{f['auc']:.4f}"
    return (f"leaky integrate-and-fire neuron, membrane {r['cell']['TauM']:g} ms, synapses {r['cell']['TauSyn']:g} ms, {r['train_spikes']} spikes\n  "
            + "\n  ".join(parts) + f"\n  AUC {auc}, explained variance {100 * f['explained_variance']:.1f} % ({f['spikes']} spikes)")
