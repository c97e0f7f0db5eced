"""Evaluates random surrogates with PyTorch and writes them with what came out.

    python surrogate_torch.py OUTDIR

For every network NAME: NAME.safetensors, a model file as plugin/model/FORMAT.md
describes it, and NAME.json with the events of one neuron, [t_ms, channel, weight]
each, and per step the spike probability and the soma voltage [mV].

The files in surrogate_torch/ are the output of PyTorch 2.15 (seed 20210818).
"""

import json
import os
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 20210818
THRESHOLD, SCALE, OFFSET = 0.4, 10.0, -67.7


def write_safetensors(path, tensors, document):
    header, data = {"__metadata__": {"understudy": json.dumps(document)}}, b""
    for name, t in tensors.items():
        raw = t.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


class Network:
    """Builds the PyTorch modules and the document side by side."""

    def __init__(self, channels):
        self.channels, self.layers, self.tensors, self.modules = channels, [], {}, {}
        self.width = {"events": channels}

    def conv(self, name, source, out, kernel, dilation=1, groups=1, bias=True, relu=False):
        m = nn.Conv1d(self.width[source], out, kernel, dilation=dilation, groups=groups, bias=bias)
        layer = {"name": name, "op": "conv1d", "in": [source], "weight": name + ".weight", "kernel": kernel}
        self.tensors[name + ".weight"] = m.weight
        if bias:
            layer["bias"] = name + ".bias"
            self.tensors[name + ".bias"] = m.bias
        if dilation > 1:
            layer["dilation"] = dilation
        if groups > 1:
            layer["groups"] = groups
        pad = (kernel - 1) * dilation
        return self._add(layer, out, relu, lambda x: m(F.pad(x, (pad, 0))))

    def batchnorm(self, name, source, relu=False):
        width = self.width[source]
        m = nn.BatchNorm1d(width).eval()
        with torch.no_grad():
            m.weight.uniform_(0.5, 1.5)
            m.bias.uniform_(-0.5, 0.5)
            m.running_mean.uniform_(-0.5, 0.5)
            m.running_var.uniform_(0.5, 2)
            scale = m.weight / torch.sqrt(m.running_var + m.eps)
            self.tensors[name + ".scale"], self.tensors[name + ".shift"] = scale, m.bias - m.running_mean * scale
        layer = {"name": name, "op": "batchnorm", "in": [source], "scale": name + ".scale", "shift": name + ".shift"}
        return self._add(layer, width, relu, m)

    def add(self, name, sources, relu=False):
        return self._add({"name": name, "op": "add", "in": sources}, self.width[sources[0]], relu, lambda *x: sum(x))

    def _add(self, layer, width, relu, f):
        if relu:
            layer["activation"] = "relu"
        self.layers.append(layer)
        self.width[layer["name"]] = width
        self.modules[layer["name"]] = (lambda *x: F.relu(f(*x))) if relu else f
        return layer["name"]

    def document(self, name):
        return {
            "schema": 1, "name": name, "kind": "tcn", "step_ms": 1, "inputs": {"channels": self.channels},
            "layers": self.layers,
            "heads": {"spike": {"layer": "head", "index": 0, "activation": "sigmoid"},
                      "v_soma": {"layer": "head", "index": 1, "scale": SCALE, "offset": OFFSET, "unit": "mV"}},
            "spike_threshold": THRESHOLD,
            "provenance": {"command": "surrogate_torch.py", "seed": SEED},
        }

    def run(self, events, steps):
        x = np.zeros((1, self.channels, steps), np.float32)
        for t, c, w in events:
            x[0, c, int(t)] += w
        values = {"events": torch.from_numpy(x)}
        with torch.no_grad():
            for layer in self.layers:
                values[layer["name"]] = self.modules[layer["name"]](*[values[i] for i in layer["in"]])
            z = values["head"][0]
            return torch.sigmoid(z[0]).tolist(), (OFFSET + SCALE * z[1]).tolist()


def residual():
    """The shape of the built-in surrogate, smaller."""
    n = Network(40)
    last = n.conv("smooth", n.conv("embed", "events", 16, 1, bias=False), 16, 9, groups=16, relu=True)
    for i in range(5):
        last = n.add(f"r{i}", [last, n.conv(f"b{i}", last, 16, 4, dilation=2**i, relu=True)])
    n.conv("head", last, 2, 1)
    return n


def paper():
    """Plain convolutions with batch norm, as in Beniaguev et al. (2021), smaller."""
    n, last, kernel = Network(30), "events", 54
    for i in range(3):
        last = n.batchnorm(f"n{i}", n.conv(f"c{i}", last, 12, kernel, relu=True))
        kernel = 12
    n.conv("head", last, 2, 1)
    return n


def mixed():
    """Groups, two convolutions on events, batch norm before the first convolution."""
    n = Network(12)
    a = n.conv("a", "events", 18, 5, dilation=3, groups=3)
    b = n.conv("b", n.batchnorm("n", "events"), 18, 4, dilation=2, groups=6, relu=True)
    s = n.add("s", [a, b, n.conv("c", "events", 18, 7)], relu=True)
    n.conv("head", n.conv("d", s, 10, 3, dilation=5, groups=2, relu=True), 2, 1)
    return n


def main(out):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    os.makedirs(out, exist_ok=True)
    for name, make in {"residual": residual, "paper": paper, "mixed": mixed}.items():
        net, steps = make(), 200
        count = 4 * steps
        weights = rng.choice([1.0, 1.0, 0.5, -0.25], count)
        events = [[float(t), int(c), float(w)] for t, c, w in zip(np.round(rng.uniform(0, steps - 0.001, count), 3), rng.integers(0, net.channels, count), weights)]
        with torch.no_grad():  # spread the outputs, so that they are of order 1 and spikes occur
            p, v = net.run(events, steps)
            z = torch.logit(torch.tensor(p, dtype=torch.float64))
            gain = 1.5 / z.std()
            net.tensors["head.weight"][0] *= gain
            net.tensors["head.bias"][0] = (net.tensors["head.bias"][0] - z.mean()) * gain
        p, v = net.run(events, steps)
        write_safetensors(os.path.join(out, name + ".safetensors"), net.tensors, net.document(name))
        with open(os.path.join(out, name + ".json"), "w") as f:
            json.dump({"torch": torch.__version__, "steps": steps, "events": events, "p_spike": p, "v_soma_mv": v}, f)


if __name__ == "__main__":
    main(sys.argv[1])
