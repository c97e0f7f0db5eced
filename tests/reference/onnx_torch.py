"""Writes networks with PyTorch's ONNX exporters, and what ONNX Runtime and PyTorch answer.

usage: python onnx_torch.py FOLDER [FILE ...]

Only the named files are written, if there are any. Each NAME.onnx comes with a NAME.json: the
events of one run and the heads' values by PyTorch, with which ONNX Runtime's must agree. Every
network is small and has random weights and random running statistics; its output starts at
t = 0, where padding matters.
"""

import json
import os
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import weight_norm
from torch.nn.utils.parametrizations import weight_norm as parametrized_weight_norm

CHANNELS, STEPS = 12, 80


class Causal(nn.Module):
    """A convolution that pads its input on the left."""

    def __init__(self, i, o, kernel, dilation=1, groups=1):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv = nn.Conv1d(i, o, kernel, dilation=dilation, groups=groups)

    def forward(self, x):
        return self.conv(F.pad(x, (self.pad, 0)))


class ChompBlock(nn.Module):
    """Residual block with symmetric padding of which the end is cut off (Bai et al. 2018)."""

    def __init__(self, i, o, kernel, dilation, norm):
        super().__init__()
        self.pad = (kernel - 1) * dilation
        self.conv1 = norm(nn.Conv1d(i, o, kernel, padding=self.pad, dilation=dilation))
        self.conv2 = norm(nn.Conv1d(o, o, kernel, padding=self.pad, dilation=dilation))
        self.down = nn.Conv1d(i, o, 1) if i != o else None
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        y = self.drop(F.relu(self.conv1(x)[:, :, :-self.pad].contiguous()))
        y = self.drop(F.relu(self.conv2(y)[:, :, :-self.pad]))
        return F.relu(y + (x if self.down is None else self.down(x)))


class Chomp(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.blocks = nn.Sequential(*(ChompBlock(i, 16, 3, d, norm) for i, d in ((CHANNELS, 1), (16, 2), (16, 4))))
        self.head = nn.Conv1d(16, 2, 1)

    def forward(self, x):  # [B][C][T]
        y = self.head(self.blocks(x))
        return torch.sigmoid(y[:, 0]), y[:, 1]


class ChompByLength(nn.Module):
    """Cuts to the input's length, which the graph computes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(CHANNELS, 16, 5, padding=8, dilation=2)
        self.head = nn.Conv1d(16, 2, 1)

    def forward(self, x):
        y = self.head(torch.tanh(self.conv(x)[:, :, :x.shape[2]]))
        spike, v = y.split(1, 1)
        return torch.sigmoid(spike), v


class TimeMajor(nn.Module):
    """Input and outputs [B][T][C], linear layers per step, LeakyReLU, normalisation everywhere."""

    def __init__(self):
        super().__init__()
        self.first = nn.BatchNorm1d(CHANNELS)
        self.conv1, self.norm1 = Causal(CHANNELS, 16, 4), nn.BatchNorm1d(16)
        self.conv2, self.norm2 = Causal(16, 16, 3, dilation=3), nn.BatchNorm1d(16)
        self.mix = nn.Linear(16, 16)
        self.spike, self.v = nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, x):
        y = self.first(x.transpose(1, 2))
        y = F.leaky_relu(self.norm1(self.conv1(y)), 0.25)
        y = y + self.norm2(F.relu(self.conv2(y)))
        y = F.leaky_relu(self.mix(y.transpose(1, 2)))
        return torch.sigmoid(self.spike(y)), self.v(y) * 10 - 67.7


class Activations(nn.Module):
    """Every activation, joined channel by channel; grouped and dilated convolutions."""

    acts = (nn.ELU(0.7), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Tanh(), nn.Sigmoid(), nn.LeakyReLU(0.1), nn.ReLU())

    def __init__(self):
        super().__init__()
        self.first = Causal(CHANNELS, 8, 2, groups=4)
        self.convs = nn.ModuleList(Causal(8, 8, 2 + i % 2, dilation=1 + i % 3, groups=(1, 2, 8)[i % 3]) for i in range(len(self.acts)))
        self.head = nn.Conv1d(64, 5, 1)

    def forward(self, x):
        x = self.first(x)
        y = self.head(torch.cat([act(conv(x)) for act, conv in zip(self.acts, self.convs)], 1))
        return y[:, :1].sigmoid(), y[:, 1:2], y[:, 2:]


class TwoDimensions(nn.Module):
    """Convolutions over an image of height 1."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, 16, (1, 5), dilation=(1, 2))
        self.norm = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, (1, 3), groups=2)
        self.head = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        y = self.norm(F.relu(self.conv1(F.pad(x.unsqueeze(2), (8, 0)))))
        y = self.head(F.elu(self.conv2(F.pad(y, (2, 0))))).squeeze(2)
        return torch.sigmoid(y[:, :1]), y[:, 1:]


class Logits(nn.Module):
    """One output with the logit and the voltage; skip connections that are summed."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(CHANNELS, 16, 1, bias=False)
        self.blocks = nn.ModuleList(Causal(16, 16, 2, dilation=2**i) for i in range(3))
        self.head = nn.Conv1d(16, 2, 1)

    def forward(self, x):
        x, skips = self.first(x), 0
        for b in self.blocks:
            y = torch.tanh(b(x))
            x, skips = x + y, skips + y
        return self.head(F.relu(skips))


NETS = {
    "chomp": (lambda: Chomp(weight_norm), ("spike", "v_soma")),
    "chomp_parametrized": (lambda: Chomp(parametrized_weight_norm), ("p_spike", "voltage")),
    "chomp_by_length": (ChompByLength, ("spikes", "somatic")),
    "time_major": (TimeMajor, ("spike", "v_soma")),
    "activations": (Activations, ("spikes", "somatic", "dendritic")),
    "two_dimensions": (TwoDimensions, ("spike", "v_soma")),
    "logits": (Logits, ("out",)),
}


def randomise(net, seed):
    g = torch.Generator().manual_seed(seed)
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.running_mean.copy_(torch.randn(m.running_mean.shape, generator=g))
            m.running_var.copy_(0.2 + 2 * torch.rand(m.running_var.shape, generator=g))
            with torch.no_grad():
                m.weight.copy_(1 + 0.5 * torch.randn(m.weight.shape, generator=g))
                m.bias.copy_(torch.randn(m.bias.shape, generator=g))
    for name in ("head", "spike", "v"):  # so that the outputs vary
        if hasattr(net, name):
            getattr(net, name).weight.data *= 4
    return net.eval()


def random_input(seed):
    """Events as (t_ms, channel, weight) and the same as an array [C][T]."""
    rng = np.random.default_rng(seed)
    x = (rng.random((CHANNELS, STEPS)) < 0.15) * np.round(rng.uniform(0.5, 2, (CHANNELS, STEPS)), 2)
    x[:, :2] = 1  # the sequence's start matters
    x = x.astype(np.float32)
    return [[int(t), int(c), float(x[c, t])] for c, t in zip(*np.nonzero(x))], x


def export(net, x, names, path, dynamo, opset, dynamic):
    """`dynamic`: the number of steps is not fixed in the file."""
    axis = 1 if isinstance(net, TimeMajor) else 2
    kwargs = {}
    if dynamic and dynamo:
        kwargs["dynamic_shapes"] = [{axis: torch.export.Dim("time", min=2)}]
    elif dynamic:
        kwargs["dynamic_axes"] = {"events": {0: "batch", axis: "time"}} | {n: {0: "batch"} for n in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (x,), path, input_names=["events"], output_names=list(names), dynamo=dynamo,
                          opset_version=opset, **kwargs, **({"verbose": False} if dynamo else {}))
    if dynamo:
        forget_paths(path)


def forget_paths(path):
    """Removes stack traces, which have paths of this machine, from a file."""
    m = onnx.load(path, load_external_data=False)
    for node in m.graph.node:
        del node.metadata_props[:]
    for f in m.functions:
        for node in f.node:
            del node.metadata_props[:]
    onnx.save(m, path)


def main(folder, *only):
    for k, (name, (make, outputs)) in enumerate(NETS.items()):
        torch.manual_seed(k)
        net = randomise(make(), k)
        events, x = random_input(k)
        x = torch.from_numpy(x)[None]
        if isinstance(net, TimeMajor):
            x = x.transpose(1, 2).contiguous()
        with torch.no_grad():
            want = net(x)
        want = want if isinstance(want, tuple) else (want,)
        for dynamo, opset, dynamic in ((False, 13, True), (False, 17, False), (False, 20, True), (True, 18, False), (True, 20, True)):
            file = f"{name}-{'export' if dynamo else 'script'}-{opset}{'-any' if dynamic else ''}.onnx"
            if only and file not in only:
                continue
            path = os.path.join(folder, file)
            export(net, x, outputs, path, dynamo, opset, dynamic)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            got = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            worst = max(float(np.abs(g - w.numpy()).max()) for g, w in zip(got, want))
            assert worst < 1e-4, (path, worst)
            values = {}
            for out, w in zip(outputs, want):
                a = w.numpy()[0]
                if a.ndim == 1:
                    a = a[None]
                elif a.shape[0] == STEPS:  # [T][C]
                    a = a.T
                if out == "out":
                    values["spike"], values["v_soma"] = 1 / (1 + np.exp(-a[:1].astype(float))), a[1:]
                else:
                    values[{"p_spike": "spike", "spikes": "spike", "somatic": "v_soma", "voltage": "v_soma"}.get(out, out)] = a
            with open(path[:-5] + ".json", "w") as f:
                options = {"spike_output": "out:0", "v_soma_output": "out:1"} if outputs == ("out",) else {}
                json.dump({"framework": f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}", "steps": STEPS, "events": events,
                           "heads": {h: np.round(a.astype(float), 8).tolist() for h, a in values.items()}} | options, f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
