"""The fully connected and the deeper networks of the control: one family, that differs in depth alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .data import Batch
from .export import conv
from .network import Block
from .ops import event_sum, shared


@dataclass
class LayeredShape:
    """Sizes of a network of `depth` hidden layers that sees `span` ms, whatever its depth.

    The first hidden layer is a convolution over time and channels, as that of the fully
    connected network of Beniaguev et al. (2021), whose weights [unit, channel, ms] are a sum of
    `rank` products of a weight per channel and a kernel over time. Every further layer is a
    residual convolution of `kernel` taps with dilations 1, 1, 2, 2, 4, 4 ...; the first layer's
    kernel is shorter by what they see. With depth 0 the first layer is linear: no hidden layer.
    """

    channels: int
    depth: int  # hidden layers
    features: int = 32  # units of each
    rank: int = 24
    span: int = 200  # receptive field [ms]
    kernel: int = 4
    voltages: int = 0  # dendritic voltages that training predicts beside the outputs

    @property
    def dilations(self) -> list[int]:
        """Of the layers after the first."""
        return [2 ** (i // 2) for i in range(self.depth - 1)]

    @property
    def first(self) -> int:
        """Steps of the first layer's kernel."""
        return self.span - (self.kernel - 1) * sum(self.dilations)

    @property
    def receptive_field(self) -> int:
        """Steps of input that one output depends on, the present included."""
        return self.span

    def to_dict(self) -> dict:
        return asdict(self)


def causal(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Each column of x [T, B, R] convolved with its kernel [R, K], whose last entry is the present: [T, B, R]."""
    T, K = x.shape[0], kernel.shape[1]
    n = 1 << (T + K - 2).bit_length()
    spectrum = torch.fft.rfft(x.permute(2, 1, 0), n) * torch.fft.rfft(kernel.flip(1), n)[:, None, :]
    return torch.fft.irfft(spectrum, n)[:, :, :T].permute(2, 1, 0)


class Layered(nn.Module):
    """Network of a :class:`LayeredShape`; its outputs are the spike logit and the scaled voltage."""

    kind = "tcn"

    def __init__(self, shape: LayeredShape):
        super().__init__()
        if shape.first < 1:
            raise ValueError(f"{shape.depth} layers see more than {shape.span} ms")
        self.shape = shape
        f, r = shape.features, shape.rank
        self.embed = nn.Parameter(torch.randn(shape.channels, r) * 0.1)
        self.register_buffer("spread", None, persistent=False)  # see ops.shared
        # Kernels begin as decays of 2 to 80 ms: from noise they hardly learn.
        tau = torch.logspace(np.log10(2), np.log10(80), r)[:, None]
        decay = torch.exp(-torch.arange(shape.first).flip(0) / tau)
        self.kernels = nn.Parameter(decay / decay.square().sum(1, keepdim=True).sqrt())
        self.mix = nn.Parameter(torch.randn(r, f) / r**0.5)
        self.norm = nn.BatchNorm1d(f)
        self.blocks = nn.ModuleList(Block(f, shape.kernel, d, 0.0) for d in shape.dilations)
        self.head = nn.Linear(f, 2)
        self.dendrites = nn.Linear(f, shape.voltages) if shape.voltages else None
        with torch.no_grad():
            self.head.weight.zero_()
            # About 2 Hz to begin with.
            self.head.bias.copy_(torch.tensor([-6.0, 0.0]))

    def features(self, batch: Batch) -> torch.Tensor:
        """The last hidden layer [T, B, F]."""
        x = causal(event_sum(shared(self.embed, self.spread), batch), self.kernels) @ self.mix
        x = self.norm(x.reshape(-1, x.shape[2])).view_as(x)
        if self.shape.depth:
            x = F.relu(x)
        for block in self.blocks:
            x = block(x, False)
        return x

    def forward(self, batch: Batch) -> torch.Tensor:
        """Returns [T, B, 2]: the logit of a spike, and the voltage in units of the head's scale."""
        return self.head(self.features(batch))

    def layers(self) -> list[dict]:
        """The architecture as the model file lists it."""
        s = self.shape
        out = [conv("embed", "events", 1, bias=False), conv("kernels", "embed", s.first, groups=s.rank, bias=False),
               conv("h0", "kernels", 1, activation="relu" if s.depth else "none")]
        x = "h0"
        for i, d in enumerate(s.dilations, 1):
            out += [conv(f"h{i}", x, s.kernel, d, activation="relu"), {"name": f"r{i}", "op": "add", "in": [x, f"h{i}"]}]
            x = f"r{i}"
        return [*out, conv("head", x, 1)]

    def tensors(self) -> dict[str, np.ndarray]:
        """The tensors of the model file, normalisations folded into the convolutions before them."""
        def a(t: torch.Tensor) -> np.ndarray:
            return t.detach().cpu().numpy().astype(np.float64)

        out = {"embed.weight": a(shared(self.embed, self.spread)).T[:, :, None], "kernels.weight": a(self.kernels)[:, None, :],
               "head.weight": a(self.head.weight)[:, :, None], "head.bias": a(self.head.bias)}
        hidden = [(a(self.mix).T[:, :, None], self.norm), *((a(b.weight), b.norm) for b in self.blocks)]
        for i, (weight, norm) in enumerate(hidden):
            gain = a(norm.weight) / np.sqrt(a(norm.running_var) + norm.eps)
            out[f"h{i}.weight"] = weight * gain[:, None, None]
            out[f"h{i}.bias"] = a(norm.bias) - gain * a(norm.running_mean)
        return {k: np.ascontiguousarray(v, np.float32) for k, v in out.items()}
