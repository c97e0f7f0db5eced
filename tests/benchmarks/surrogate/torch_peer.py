"""PyTorch, one ms at a time on one thread:

    python torch_peer.py REQUEST.json

Modes: `window` runs the convolutions over the receptive field in every ms; `stream` keeps every
layer's past and adds the first layer's columns of the events, `stream-columns` column after column
also for many neurons; `elm` is the ELM neuron with the synapses of a branch summed, `elm-plain` the
same without rearranged constants and buffers.
"""

import numpy as np
import torch
from torch.nn import functional as F

import peers

torch.set_num_threads(1)


class Window:
    def __init__(self, r):
        self.window = peers.Window(r)
        self.layers = [(torch.from_numpy(w.copy()), torch.from_numpy(b.copy())) for w, b in r.layers()]

    def steps(self, times):
        with torch.inference_mode():
            for t in times:
                x = torch.from_numpy(self.window.add(t))
                for w, b in self.layers[:-1]:
                    x = F.conv1d(F.pad(x, (w.shape[2] - 1, 0)), w, b).relu_()
                x = F.conv1d(x, *self.layers[-1])
            return x[:, :, -1]


class Columns:
    """The first layer: an event adds its column, [kernel][filters], to the sums to come."""

    ROOM = 100  # steps after which the sums are moved to the start of their buffer

    def __init__(self, w, neurons, dtype):
        self.filters, _, self.kernel = w.shape
        self.table = torch.from_numpy(w[:, :, ::-1].transpose(1, 2, 0).copy()).reshape(w.shape[1], -1).to(dtype)
        self.sums = torch.zeros(neurons, (self.ROOM + self.kernel) * self.filters)
        self.ahead = [self.sums[:, t * self.filters : (t + self.kernel) * self.filters] for t in range(self.ROOM + 1)]
        self.now = [self.sums[:, t * self.filters : (t + 1) * self.filters] for t in range(self.ROOM + 1)]
        self.t = 0

    def step(self, channels):
        if self.t == self.ROOM:
            self.ahead[0].copy_(self.ahead[self.t])
            self.sums[:, self.kernel * self.filters :] = 0
            self.t = 0
        self.ahead[self.t].add_(F.embedding_bag(channels, self.table, mode="sum"))
        self.t += 1
        return self.now[self.t - 1]


class ColumnsByTap:
    """The first layer of many neurons, tap after tap: the weights of one tap, 650 kB, are
    read from the L2 cache by all neurons."""

    def __init__(self, w, neurons, dtype):
        self.neurons = neurons
        filters, channels, self.kernel = w.shape
        self.table = torch.from_numpy(w[:, :, ::-1].transpose(2, 1, 0).copy()).reshape(self.kernel * channels, filters).to(dtype)
        self.first = (torch.arange(self.kernel, dtype=torch.int32) * channels)[:, None, None]
        self.sums = torch.zeros(self.kernel * neurons, filters)  # a ring
        self.last = self.sums[:0]
        self.t = 0

    def step(self, channels):
        self.last.zero_()
        y = F.embedding_bag((self.first + channels).reshape(-1, channels.shape[1]), self.table, mode="sum")
        at, end = self.t * self.neurons, len(self.sums)
        self.sums[at:].add_(y[: end - at])
        self.sums[:at].add_(y[end - at :])
        self.t = (self.t + 1) % self.kernel
        self.last = self.sums[at : at + self.neurons]
        return self.last


class Stream:
    """Every layer's outputs of the last steps lie side by side in a buffer, so that a
    convolution is one matrix product on a view of it. The views move on; every ROOM steps the
    last ones are copied to the start. An odd number of steps keeps the rows of neurons
    from falling on the same cache sets."""

    ROOM = 50

    def __init__(self, r, dtype, columns):
        layers = r.layers()
        n, (_, _, kernel) = r.neurons, layers[1][0].shape
        assert all(w.shape[2] == kernel for w, _ in layers[1:-1])
        self.kernel, self.n, self.filters, self.dtype = kernel, n, layers[0][0].shape[0], dtype
        self.first = columns(layers[0][0], n, dtype)
        self.bias = torch.from_numpy(layers[0][1].copy())
        self.convs = []
        for w, b in layers[1:-1]:
            w = torch.from_numpy(w.transpose(0, 2, 1).copy()).reshape(len(w), -1).to(dtype)
            self.convs.append((w if n == 1 else w.t().contiguous(), torch.from_numpy(b.copy()).to(dtype)))
        w, b = layers[-1]
        self.head = torch.from_numpy(w[:, :, 0].T.copy()).to(dtype), torch.from_numpy(b.copy()).to(dtype)
        length = self.ROOM + kernel
        length += 1 - length % 2
        self.past = [torch.zeros(n, length, self.filters, dtype=dtype) for _ in self.convs]
        # views[layer][position]: the kernel's steps, and the last of them
        self.views = [[(self.window(p, t), p[:, t + kernel - 1] if n > 1 else p[0, t + kernel - 1]) for t in range(self.ROOM)] for p in self.past]
        self.at = -1
        channels = torch.from_numpy(r.channels)
        self.channels = list(channels if n > 1 else channels.long())  # whichever is faster

    def window(self, past, t):
        if self.n == 1:
            return past[0, t : t + self.kernel].reshape(-1)
        return past.as_strided((self.n, self.kernel * self.filters), (past.stride(0), 1), t * self.filters)

    def steps(self, times):
        with torch.inference_mode():
            for t in times:
                z = self.step(self.channels[t % len(self.channels)])
            return z.float()

    def step(self, channels):
        self.at += 1
        if self.at == self.ROOM:
            self.at = 0
            for p in self.past:
                p[:, : self.kernel - 1] = p[:, self.ROOM : self.ROOM + self.kernel - 1].clone()
        x = self.first.step(channels) + self.bias
        if self.dtype != torch.float32:
            x = x.to(self.dtype)
        if self.n == 1:
            x = x[0]
        for (w, b), views in zip(self.convs, self.views):
            window, now = views[self.at]
            torch.clamp_min(x, 0, out=now)
            if self.n > 1:
                x = torch.addmm(b, window, w)
            elif self.dtype == torch.float32:
                x = torch.addmv(b, w, window)
            else:
                x = F.linear(window, w, b)
        x = x.clamp_min_(0)
        return torch.addmm(self.head[1], x if self.n > 1 else x[None], self.head[0])


class PlainELM:
    """The equations as they are written."""

    def __init__(self, r):
        synapses, e, head = r.document["layers"]
        assert (synapses["op"], e["op"], head["op"]) == ("conv1d", "elm", "conv1d")
        e, tensor = e["elm"], lambda name: torch.from_numpy(r.tensors[name].copy())
        hidden, out = e["mlp"]
        assert (hidden["activation"], out["activation"]) == ("silu", "scaled_tanh")
        self.table = tensor(synapses["weight"])[:, :, 0].t().contiguous()
        self.decay, self.memory_decay, self.factor = tensor(e["synapse_decay"]), tensor(e["memory_decay"]), e["lambda"]
        self.hidden, self.out = [(tensor(d["weight"]), tensor(d["bias"])) for d in (hidden, out)]
        self.head = tensor(head["weight"])[:, :, 0], tensor(head["bias"])
        self.s, self.m = torch.zeros(r.neurons, len(self.decay)), torch.zeros(r.neurons, len(self.memory_decay))
        self.channels = list(torch.from_numpy(r.channels))

    def steps(self, times):
        with torch.inference_mode():
            for t in times:
                x = F.embedding_bag(self.channels[t % len(self.channels)], self.table, mode="sum")
                self.s = self.decay * self.s + x
                kept = self.memory_decay * self.m
                d = F.linear(F.silu(F.linear(torch.cat([self.s, kept], 1), *self.hidden)), *self.out)
                self.m = kept + self.factor * (1 - self.memory_decay) * 1.7159 * torch.tanh(2 / 3 * d)
                z = F.linear(self.m, *self.head)
            return z


class ELM:
    """s and the memory before its update lie side by side: the input of the first layer."""

    def __init__(self, r):
        synapses, e, head = r.document["layers"]
        assert (synapses["op"], e["op"], head["op"]) == ("conv1d", "elm", "conv1d")
        e, tensor = e["elm"], lambda name: torch.from_numpy(r.tensors[name].copy())
        hidden, out = e["mlp"]
        assert (hidden["activation"], out["activation"]) == ("silu", "scaled_tanh")
        self.table = tensor(synapses["weight"])[:, :, 0].t().contiguous()
        self.decay, self.memory_decay = tensor(e["synapse_decay"]), tensor(e["memory_decay"])
        self.hidden = tensor(hidden["bias"]), tensor(hidden["weight"]).t().contiguous()
        # 1.7159 tanh(2x/3): the inner factor is taken into the weights, the outer one into the update's.
        self.out = tensor(out["bias"]) * (2 / 3), tensor(out["weight"]).t().contiguous() * (2 / 3)
        self.update = 1.7159 * e["lambda"] * (1 - self.memory_decay)
        self.head = tensor(head["bias"]), tensor(head["weight"])[:, :, 0].t().contiguous()
        branches = self.table.shape[1]
        self.state = torch.zeros(r.neurons, branches + len(self.memory_decay))
        self.s, self.m = self.state[:, :branches], self.state[:, branches:]
        self.channels = list(torch.from_numpy(r.channels))

    def steps(self, times):
        with torch.inference_mode():
            for t in times:
                x = F.embedding_bag(self.channels[t % len(self.channels)], self.table, mode="sum")
                self.s.mul_(self.decay).add_(x)
                self.m.mul_(self.memory_decay)
                d = torch.addmm(*self.pair(self.hidden, self.state))
                d = torch.addmm(*self.pair(self.out, F.silu(d, inplace=True))).tanh_()
                self.m.addcmul_(d, self.update)
                z = torch.addmm(*self.pair(self.head, self.m))
            return z

    @staticmethod
    def pair(dense, x):
        return dense[0], x, dense[1]


def main():
    r = peers.Request()
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[r.precision]
    subject = {
        "window": lambda: Window(r),
        "stream": lambda: Stream(r, dtype, Columns if r.neurons == 1 else ColumnsByTap),
        "stream-columns": lambda: Stream(r, dtype, Columns),
        "elm": lambda: ELM(r),
        "elm-plain": lambda: PlainELM(r),
    }[r.mode]()
    peers.serve(r, f"PyTorch {torch.__version__}", subject)


if __name__ == "__main__":
    main()
