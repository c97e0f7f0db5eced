"""Weighted sum and sigmoid: one weight per synapse, one kernel per kind of synapse.

The spike's logit, and the voltage, are sums over events of the synapse's weight
times the kernel of its kind, exp(-t/decay) - exp(-t/rise): what a linear neuron
without dendrites can do. The time constants and one weight per group (kind x
region) are fitted first; then, with the kernels fixed, the weight of every
synapse, whose deviation from its group's is held small by a penalty that held-out
trials choose. That second problem is convex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from . import metrics
from .data import Dataset, Trial, make_batch
from .export import conv
from .ops import event_sum

#: Steps of the kernels.
TAPS = 250

#: Penalties to try in turn while held-out trials gain: half the square of a synapse's deviation times this.
PENALTIES = (10000.0, 1000.0, 100.0, 10.0, 1.0)

#: Bounds of the time constants [ms]: rise, and how much longer the decay is.
RISE_MS, LONGER_MS = (0.3, 20.0), (0.5, 150.0)

_CHUNK = 32  # trials at once


@dataclass
class Output:
    """One output, fitted: weight [channels], rise and decay [kind] in ms, bias."""

    weight: np.ndarray
    rise: np.ndarray
    decay: np.ndarray
    bias: float
    penalty: float


def kernels(rise: torch.Tensor, decay: torch.Tensor, delay: int) -> torch.Tensor:
    """exp(-t/decay) - exp(-t/rise) of each kind [2, TAPS] at t = delay, delay + 1 ... ms; peak 1."""
    t = torch.arange(delay, TAPS + delay, dtype=rise.dtype)[None, :]
    k = torch.exp(-t / decay[:, None]) - torch.exp(-t / rise[:, None])
    return k / k.amax(1, keepdim=True)


def filtered(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """The causal convolution of x [T, B, kinds] with kernel [kinds, TAPS], summed over the kinds: [T, B]."""
    n = 1 << (x.shape[0] + TAPS - 1).bit_length()
    y = torch.fft.rfft(x, n, dim=0) * torch.fft.rfft(kernel, n, dim=1).T[:, None, :]
    return torch.fft.irfft(y.sum(2), n, dim=0)[: x.shape[0]]


class Fit:
    """Fits the outputs on trials of equal length."""

    def __init__(self, data: Dataset, trials: list[Trial], held: list[Trial]):
        kind = np.array([k == "inh" for k in data.manifest["channel_kind"]])
        pairs = sorted(set(zip(kind.tolist(), data.manifest["region"])))
        self.group = torch.tensor([pairs.index(p) for p in zip(kind.tolist(), data.manifest["region"])])
        self.group_kind = torch.tensor([int(p[0]) for p in pairs])
        self.kind = torch.from_numpy(kind.astype(np.int64))
        self.channels = data.channels
        self.train = self._chunks(trials)
        self.held = self._chunks(held)
        v = np.concatenate([b.v[metrics.SKIP_MS :].ravel() for b in self.train])
        self.v_mean, self.v_std = float(v.mean()), float(v.std()) + 1e-3

    def _chunks(self, trials: list[Trial]) -> list:
        parts = [trials[a : a + _CHUNK] for a in range(0, len(trials), _CHUNK)]
        return [make_batch([(t, 0) for t in p], p[0].steps, self.channels, 0) for p in parts]

    def loss(self, z: torch.Tensor, batch, spike: bool) -> torch.Tensor:
        """Negative log likelihood after the first 500 ms: Bernoulli, or Gaussian in units of the voltage's deviation."""
        n = metrics.SKIP_MS
        if spike:
            return F.binary_cross_entropy_with_logits(z[n:], torch.from_numpy(batch.spike[n:]), reduction="sum")
        return 0.5 * (z[n:] - (torch.from_numpy(batch.v[n:]) - self.v_mean) / self.v_std).square().sum()

    def table(self, weight: torch.Tensor) -> torch.Tensor:
        """Weights [channels] as [channels, kinds], so that each kind has its own sum."""
        return weight[:, None] * F.one_hot(self.kind, 2).to(weight.dtype)

    def fit(self, spike: bool, shared_decay: bool, iterations: int = 60) -> Output:
        """One output; shared_decay where both kinds are to decay alike, as in one membrane."""
        delay = 1 if spike else 0  # a spike comes after the events of its step, the voltage is that before them
        rate = np.mean([b.spike[metrics.SKIP_MS :].mean() for b in self.train])
        bias = torch.tensor([float(np.log(max(rate, 1e-6))) if spike else 0.0], requires_grad=True)
        gain = torch.where(self.group_kind == 0, 0.01, -0.01).requires_grad_()
        tau = torch.tensor([[-0.5, 0.0], [-0.3, -0.3]], requires_grad=True)

        def constants() -> tuple[torch.Tensor, torch.Tensor]:
            """Rise and decay of each kind, between their bounds on a logarithmic scale."""
            rise, longer = (low * (high / low) ** torch.sigmoid(t) for t, (low, high) in zip(tau, (RISE_MS, LONGER_MS)))
            return rise, (rise.max() + longer.mean()).expand(2) if shared_decay else rise + longer

        groups = F.one_hot(self.group, len(self.group_kind)).float()
        with torch.no_grad():
            sums = [event_sum(groups, b) for b in self.train]  # [T, B, groups]
        by_kind = F.one_hot(self.group_kind, 2).float()
        scale = 1 / sum(s.shape[0] * s.shape[1] for s in sums)

        def coarse() -> torch.Tensor:
            k = kernels(*constants(), delay)
            total = 0.0
            for s, b in zip(sums, self.train):
                loss = scale * self.loss(filtered((s * gain) @ by_kind, k) + bias, b, spike)
                loss.backward(retain_graph=True)
                total += loss.item()
            return torch.tensor(total)

        _minimise([bias, gain, tau], coarse, iterations)
        rise, decay = (x.detach() for x in constants())
        kernel = kernels(rise, decay, delay)
        start = gain.detach()[self.group]
        best = None
        deviation = torch.zeros(self.channels, requires_grad=True)  # each penalty begins where the last one ended
        b0 = bias.detach().clone().requires_grad_()
        g0 = torch.zeros(len(self.group_kind), requires_grad=True)
        for penalty in PENALTIES:
            def weight() -> torch.Tensor:
                return start + g0[self.group] + deviation

            def fine() -> torch.Tensor:
                total = 0.5 * penalty * scale * deviation.square().sum()
                total.backward()
                total = total.item()
                for b in self.train:
                    loss = scale * self.loss(filtered(event_sum(self.table(weight()), b), kernel) + b0, b, spike)
                    loss.backward()
                    total += loss.item()
                return torch.tensor(total)

            _minimise([deviation, g0, b0], fine, iterations // 2)
            with torch.no_grad():
                judged = sum(self.loss(filtered(event_sum(self.table(weight()), b), kernel) + b0, b, spike).item() for b in self.held)
                if best is not None and judged >= best[0]:
                    break
                unit, zero = (1.0, 0.0) if spike else (self.v_std, self.v_mean)
                best = judged, Output(unit * weight().numpy(), rise.numpy(), decay.numpy(), zero + unit * b0.item(), penalty)
        return best[1]


def _minimise(parameters: list[torch.Tensor], loss, iterations: int) -> None:
    """L-BFGS; loss() returns the loss and adds its gradients. The parameters end where the loss was lowest."""
    optim = torch.optim.LBFGS(parameters, max_iter=iterations, history_size=20, tolerance_change=1e-10, line_search_fn="strong_wolfe")
    best: list = [float("inf"), [p.detach().clone() for p in parameters]]

    def closure() -> torch.Tensor:
        optim.zero_grad()
        value = loss()
        if value.item() < best[0]:
            best[:] = value.item(), [p.detach().clone() for p in parameters]
        return value

    try:
        optim.step(closure)
    except RuntimeError as e:  # a line search that ran off along a flat direction
        if "overflow" not in str(e):
            raise
    with torch.no_grad():
        for p, b in zip(parameters, best[1]):
            p.copy_(b)


class WeightedSum:
    """The two outputs as a network of the model file."""

    kind = "tcn"

    def __init__(self, channel_kind: list[str], spike: Output, v: Output):
        self.spike, self.v = spike, v
        self.inh = np.array([k == "inh" for k in channel_kind])

    def layers(self) -> list[dict]:
        return [conv("embed", "events", 1, bias=False), conv("kernels", "embed", TAPS, groups=4, bias=False), conv("head", "kernels", 1)]

    def tensors(self) -> dict[str, np.ndarray]:
        embed, taps = [], []
        for o, delay in ((self.spike, 1), (self.v, 0)):
            embed += [np.where(self.inh, 0, o.weight), np.where(self.inh, o.weight, 0)]
            taps += list(kernels(torch.from_numpy(o.rise), torch.from_numpy(o.decay), delay).numpy()[:, ::-1])
        head = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
        out = {"embed.weight": np.stack(embed)[:, :, None], "kernels.weight": np.stack(taps)[:, None, :],
               "head.weight": head[:, :, None], "head.bias": np.array([self.spike.bias, 0.0])}
        return {k: np.ascontiguousarray(a, np.float32) for k, a in out.items()}

    @property
    def v_offset(self) -> float:
        """The voltage's bias [mV], which the head adds."""
        return self.v.bias

    def drive(self, trial: Trial) -> np.ndarray:
        """The voltage [T, mV] at the end of each step, without any spike: as the voltage, one step later."""
        w = torch.from_numpy(self.v.weight)
        table = w[:, None] * F.one_hot(torch.from_numpy(self.inh.astype(np.int64)), 2).float()
        x = event_sum(table, make_batch([(trial, 0)], trial.steps, len(w), 0, backward=False))
        # The kernel at t = 0 is 0: what it gives at step k + 1 is the voltage after step k's events.
        x = torch.cat([x, torch.zeros(1, 1, 2)])
        k = kernels(torch.from_numpy(self.v.rise), torch.from_numpy(self.v.decay), 0)
        return filtered(x, k)[1:, 0].numpy() + self.v.bias
