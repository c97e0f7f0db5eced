"""A leaky integrate-and-fire neuron, fitted.

The synapses' currents and the leak are the weighted sum's voltage (weighted.py,
both kinds of synapse decaying with one membrane time constant): in a linear
membrane a reset adds a deviation that decays with that constant. Threshold and
reset are chosen on the training trials: for each reset, the threshold at which the
neuron fires as often as the cell does; of the resets, the one with most spikes
within 2 ms of the cell's. A model file has no reset, so this baseline is judged
here, by the same figures, and ``understudy evaluate --baseline lif=lif.json`` reads them.
"""

from __future__ import annotations

import numpy as np

from . import metrics
from .data import CLIP_MV, Trial
from .weighted import WeightedSum

#: Steps after a spike in which none can follow [ms].
REFRACTORY_MS = 2

#: Depths of the reset to choose from [mV below the threshold].
RESETS_MV = (1.0, 2.0, 4.0, 8.0, 12.0)


class LIF:
    """Threshold, reset and membrane time constant on a linear voltage."""

    def __init__(self, linear: WeightedSum):
        self.linear = linear
        self.tau_ms = float(linear.v.decay[0])
        self.threshold = CLIP_MV
        self.reset = CLIP_MV - RESETS_MV[0]

    @property
    def parameters(self) -> int:
        """Weights, bias, membrane and two synaptic time constants, threshold, reset, refractory period."""
        return len(self.linear.v.weight) + 7

    def simulate(self, drive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spikes [T, B] and voltage at the end of each step [T, B, mV] for the linear voltage drive [T, B].

        A spike's step has the voltage that reached the threshold; the reset follows.
        """
        T, B = drive.shape
        leak = np.exp(-1 / self.tau_ms)
        deviation, wait = np.zeros(B), np.zeros(B, int)
        spike, v = np.zeros((T, B), bool), np.zeros((T, B))
        for t in range(T):
            deviation *= leak
            v[t] = drive[t] + deviation
            fire = (v[t] >= self.threshold) & (wait == 0)
            spike[t] = fire
            deviation[fire] = self.reset - drive[t, fire]
            wait = np.where(fire, REFRACTORY_MS, np.maximum(wait - 1, 0))
        return spike, v

    def fit(self, trials: list[Trial]) -> None:
        """Choose threshold and reset on trials of equal length."""
        drive = np.stack([self.linear.drive(t) for t in trials], 1)
        truth = [t.spike for t in trials]
        wanted = sum(int(s[metrics.SKIP_MS :].sum()) for s in truth)
        best = None
        for depth in RESETS_MV:
            low, high = float(drive.min()), float(drive.max()) + 1
            for _ in range(14):  # the higher the threshold, the fewer spikes
                self.threshold = (low + high) / 2
                self.reset = self.threshold - depth
                spike, _ = self.simulate(drive)
                if spike[metrics.SKIP_MS :].sum() > wanted:
                    low = self.threshold
                else:
                    high = self.threshold
            recall = metrics.timing(list(spike.T), truth)["recall_2ms"] or 0.0
            if best is None or recall > best[0]:
                best = recall, self.threshold, self.reset
        _, self.threshold, self.reset = best

    def judge(self, trials: list[Trial]) -> dict:
        """Figures on trials; the score of a ms is the voltage that the threshold is compared with."""
        spikes, scores, voltages = [], [], []
        for t in trials:
            spike, v = self.simulate(self.linear.drive(t)[:, None])
            spikes.append(spike[:, 0])
            scores.append(v[:, 0])
            v = np.where(spike[:, 0], CLIP_MV, v[:, 0])  # a spike is above the clip
            voltages.append(np.concatenate([[self.linear.v.bias], v[:-1]]))  # at the start of the step
        truth = [t.spike for t in trials]
        return metrics.figures(scores, voltages, truth, [t.v for t in trials]).to_dict() | metrics.timing(spikes, truth)
