"""The Expressive Leaky Memory neuron (Spieler et al. 2023) as a network to train."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .data import Batch
from .ops import LeakySum, Memory, event_sum, shared


@dataclass
class ELMShape:
    """Sizes: events -> branches (leaky sums) -> mlp with the memory -> memory -> head."""

    channels: int
    branches: int = 45
    memory: int = 100
    hidden: int = 200
    tau_max: float = 150.0  # longest time constant of the memory [ms]
    voltages: int = 0  # dendritic voltages that training predicts beside the outputs
    lam: float = 5.0  # lambda, the gain of what enters the memory

    @property
    def receptive_field(self) -> int:
        """0: it never forgets entirely."""
        return 0

    @property
    def macs_per_ms(self) -> int:
        """Multiply-accumulates per ms besides the events (each costs branches additions)."""
        return self.hidden * (self.branches + 2 * self.memory) + 4 * self.memory + self.branches

    def to_dict(self) -> dict:
        return asdict(self)


class ELM(nn.Module):
    """``plugin/model/FORMAT.md`` has the equations (ELM neurons).

    Unlike in the paper every channel may act on every branch, with either sign, and
    each branch has a time constant of its own that is learnt: the engine's cost is the same.
    """

    kind = "elm"

    def __init__(self, shape: ELMShape):
        super().__init__()
        self.shape = shape
        self.embed = nn.Parameter(torch.randn(shape.channels, shape.branches) * 0.1)
        # Decay exp(-1/tau) = sigmoid(synapse); tau 5 ms to begin with.
        k = math.exp(-1 / 5)
        self.synapse = nn.Parameter(torch.full((shape.branches,), math.log(k / (1 - k))))
        tau = torch.logspace(0, math.log10(shape.tau_max), shape.memory)
        self.register_buffer("memory_decay", torch.exp(-1 / tau))
        self.hidden = nn.Linear(shape.branches + shape.memory, shape.hidden)
        self.change = nn.Linear(shape.hidden, shape.memory)
        self.head = nn.Linear(shape.memory, 2)
        self.dendrites = nn.Linear(shape.memory, shape.voltages) if shape.voltages else None
        self.register_buffer("spread", None, persistent=False)  # see ops.shared
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.copy_(torch.tensor([-6.0, 0.0]))  # about 2 Hz to begin with

    def features(self, batch: Batch) -> torch.Tensor:
        """The memory [T, B, memory]."""
        x = event_sum(shared(self.embed, self.spread), batch)
        sums = LeakySum.apply(x, torch.sigmoid(self.synapse))
        # What does not depend on the memory is one product for all steps.
        n = self.shape.branches
        drive = F.linear(sums, self.hidden.weight[:, :n], self.hidden.bias)
        gain = 1.7159 * self.shape.lam * (1 - self.memory_decay)
        return Memory.apply(drive, self.hidden.weight[:, n:], self.change.weight, self.change.bias, self.memory_decay, gain)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Returns [T, B, 2]: the logit of a spike, and the voltage in units of the head's scale."""
        return self.head(self.features(batch))

    def tensors(self) -> dict[str, np.ndarray]:
        """The tensors of the model file."""
        def a(t: torch.Tensor) -> np.ndarray:
            return np.ascontiguousarray(t.detach().cpu().numpy(), np.float32)

        return {
            "synapses.weight": a(shared(self.embed, self.spread).t()[:, :, None]),
            "synapse_decay": a(torch.sigmoid(self.synapse)), "memory_decay": a(self.memory_decay),
            "hidden.weight": a(self.hidden.weight), "hidden.bias": a(self.hidden.bias),
            "change.weight": a(self.change.weight), "change.bias": a(self.change.bias),
            "head.weight": a(self.head.weight[:, :, None]), "head.bias": a(self.head.bias),
        }

    @torch.no_grad()
    def load_tensors(self, tensors: dict[str, np.ndarray]) -> None:
        """Start from those of a model file of at most these sizes; the rest stays as it is.

        A larger network computes what the file's does: units that it has no weights for begin as
        ever, but nothing that the outputs hear of hears of them (Net2Net's widening, Chen et al. 2016).
        """
        shape = self.shape
        rows, hidden, memory = tensors["synapses.weight"], len(tensors["hidden.bias"]), len(tensors["change.bias"])
        branches = rows.shape[0]
        if max(branches - shape.branches, memory - shape.memory, hidden - shape.hidden) > 0 or rows.shape[1] != shape.channels:
            raise ValueError(f"is of {rows.shape[1]} channels, {branches} branches, {memory} memory and {hidden} hidden units, the network has "
                             f"{shape.channels}, {shape.branches}, {shape.memory} and {shape.hidden}")
        keep = np.clip(np.float64(tensors["synapse_decay"]), 1e-6, 1 - 1e-6)
        extra = torch.logspace(0, math.log10(shape.tau_max), shape.memory - memory)
        self.memory_decay[memory:] = torch.exp(-1 / extra)
        for deaf in (self.hidden.weight[:hidden], self.change.weight[:memory], self.head.weight):
            deaf.zero_()
        n = shape.branches
        for to, value in ((self.embed[:, :branches], rows[:, :, 0].T), (self.synapse[:branches], np.log(keep / (1 - keep))),
                          (self.memory_decay[:memory], tensors["memory_decay"]),
                          (self.hidden.weight[:hidden, :branches], tensors["hidden.weight"][:, :branches]),
                          (self.hidden.weight[:hidden, n:n + memory], tensors["hidden.weight"][:, branches:]),
                          (self.hidden.bias[:hidden], tensors["hidden.bias"]),
                          (self.change.weight[:memory, :hidden], tensors["change.weight"]), (self.change.bias[:memory], tensors["change.bias"]),
                          (self.head.weight[:, :memory], tensors["head.weight"][:, :, 0]), (self.head.bias, tensors["head.bias"])):
            if to.shape != value.shape:
                raise ValueError(f"has a tensor of shape {value.shape}, the network wants {tuple(to.shape)}")
            to.copy_(torch.from_numpy(np.array(value, np.float32)))

    def layers(self) -> list[dict]:
        """The architecture as the model file lists it."""
        return [
            {"name": "synapses", "op": "conv1d", "in": ["events"], "weight": "synapses.weight", "kernel": 1},
            {"name": "elm", "op": "elm", "in": ["synapses"], "elm": {
                "synapse_decay": "synapse_decay", "memory_decay": "memory_decay", "lambda": self.shape.lam,
                "mlp": [{"weight": "hidden.weight", "bias": "hidden.bias", "activation": "silu"},
                        {"weight": "change.weight", "bias": "change.bias", "activation": "scaled_tanh"}]}},
            {"name": "head", "op": "conv1d", "in": ["elm"], "weight": "head.weight", "bias": "head.bias", "kernel": 1},
        ]
