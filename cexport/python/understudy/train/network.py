"""The causal temporal convolutional network that is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .data import Batch
from .ops import CausalConv, CausalDepthwise, event_sum, shared


@dataclass
class Shape:
    """Sizes of a network: events -> embedding -> depthwise smoothing -> residual blocks -> head."""

    channels: int
    features: int = 64
    smooth: int = 9  # steps of the depthwise convolution
    blocks: int = 8
    kernel: int = 4
    dilations: tuple[int, ...] = ()  # one per block; empty: 1, 2, 4, ...
    rank: int = 0  # of the embedding; 0: full. Only training knows: the model file has the product
    voltages: int = 0  # dendritic voltages that training predicts beside the outputs
    dropout: float = 0.0  # share of a block's outputs that a training step zeroes

    def dilation(self, block: int) -> int:
        return self.dilations[block] if self.dilations else 2**block

    @property
    def receptive_field(self) -> int:
        """Steps of input that one output depends on, the present included."""
        return self.smooth + sum((self.kernel - 1) * self.dilation(i) for i in range(self.blocks))

    @property
    def macs_per_ms(self) -> int:
        """Multiply-accumulates per ms besides the events (each costs features additions)."""
        return self.features * (self.smooth + self.blocks * self.kernel * self.features + 2)

    def to_dict(self) -> dict:
        return asdict(self)


class Block(nn.Module):
    """x + relu(batchnorm(conv(x))).

    The normalisation follows the convolution, so that it folds exactly into it also
    at the start of a sequence, where the padding is zero. Its gain starts at zero:
    the block begins as the identity. Its shift starts just above zero, because at
    exactly zero the ReLU passes no gradient and the gain would never move.
    """

    def __init__(self, features: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.dilation = dilation
        self.dropout = dropout
        self.weight = nn.Parameter(torch.empty(features, features, kernel))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.norm = nn.BatchNorm1d(features)
        nn.init.zeros_(self.norm.weight)
        nn.init.constant_(self.norm.bias, 0.01)

    def forward(self, x: torch.Tensor, bf16: bool) -> torch.Tensor:
        y = CausalConv.apply(x, self.weight, self.dilation, bf16)
        y = self.norm(y.view(-1, y.shape[2]))
        y = F.relu_(y)
        if self.dropout and self.training:
            y = F.dropout(y, self.dropout)
        return x + y.view_as(x)


class TCN(nn.Module):
    """Network of a :class:`Shape`; its outputs are the spike logit and the scaled voltage.

    With ``voltages`` it also predicts so many dendritic voltages, in training only:
    they say every millisecond what the rare spikes say once a second, and the
    features that carry them serve the spikes.
    """

    kind = "tcn"

    def __init__(self, shape: Shape, bf16: bool = False):
        super().__init__()
        self.shape = shape
        self.bf16 = bf16
        f = shape.features
        self.embed = nn.Parameter(torch.randn(shape.channels, shape.rank or f) * 0.1)
        self.mix = nn.Parameter(torch.randn(shape.rank, f) / shape.rank**0.5) if shape.rank else None
        self.smooth = nn.Parameter(torch.randn(f, 1, shape.smooth) / shape.smooth**0.5)
        self.smooth_bias = nn.Parameter(torch.zeros(f))
        self.blocks = nn.ModuleList(Block(f, shape.kernel, shape.dilation(i), shape.dropout) for i in range(shape.blocks))
        self.head = nn.Linear(f, 2)
        self.dendrites = nn.Linear(f, shape.voltages) if shape.voltages else None
        self.register_buffer("spread", None, persistent=False)  # see ops.shared
        with torch.no_grad():
            self.head.weight.zero_()
            # About 2 Hz to begin with.
            self.head.bias.copy_(torch.tensor([-6.0, 0.0]))

    def features(self, batch: Batch) -> torch.Tensor:
        """The last block's output [T, B, F]."""
        x = event_sum(shared(self.embed, self.spread), batch)
        if self.mix is not None:
            x = x @ self.mix
        x = x.contiguous()
        x = F.relu_(CausalDepthwise.apply(x, self.smooth) + self.smooth_bias)
        for block in self.blocks:
            x = block(x, self.bf16)
        return x

    def forward(self, batch: Batch) -> torch.Tensor:
        """Returns [T, B, 2]: the logit of a spike, and the voltage in units of the head's scale."""
        return self.head(self.features(batch))
