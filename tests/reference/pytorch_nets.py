"""Saves PyTorch state dicts, converts them by a description, and writes what PyTorch answers.

usage: python pytorch_nets.py FOLDER
"""

import json
import os
import sys

import numpy as np
import torch
from onnx_torch import CHANNELS, STEPS, Causal, random_input, randomise
from torch import nn
from torch.nn.utils import weight_norm
from torch.nn.utils.parametrizations import weight_norm as parametrized_weight_norm

from understudy.convert.__main__ import main as convert


class Net(nn.Module):
    """Two convolutions with a shortcut, normalisation, weight normalisation old and new, a linear head."""

    def __init__(self):
        super().__init__()
        self.a, self.norm = Causal(CHANNELS, 16, 5, dilation=2), nn.BatchNorm1d(16, eps=1e-3)
        self.b = Causal(16, 16, 3, groups=4)
        self.b.conv = weight_norm(self.b.conv)
        self.c = Causal(16, 16, 2, dilation=3)
        self.c.conv = parametrized_weight_norm(self.c.conv)
        self.head = nn.Linear(16, 2)
        self.act = nn.ELU(0.5)

    def forward(self, x):
        x = torch.relu(self.norm(self.a(x)))
        x = x + torch.tanh(self.b(x))
        return self.head(self.act(self.c(x)).transpose(1, 2)).transpose(1, 2)


SPEC = {
    "inputs": {"channels": CHANNELS},
    "layers": [
        {"name": "a", "op": "conv1d", "in": ["events"], "module": "a.conv", "dilation": 2},
        {"name": "norm", "op": "batchnorm", "in": ["a"], "module": "norm", "epsilon": 1e-3, "activation": "relu"},
        {"name": "b", "op": "conv1d", "in": ["norm"], "module": "b.conv", "groups": 4, "activation": "tanh"},
        {"name": "sum", "op": "add", "in": ["norm", "b"]},
        {"name": "c", "op": "conv1d", "in": ["sum"], "module": "c.conv", "dilation": 3, "activation": "elu", "alpha": 0.5},
        {"name": "head", "op": "conv1d", "in": ["c"], "module": "head"}],
    "heads": {"spike": {"layer": "head", "index": 0, "activation": "sigmoid"}, "v_soma": {"layer": "head", "index": 1, "unit": "mV"}},
}


def main(folder):
    torch.manual_seed(5)
    net = randomise(Net(), 5)
    events, x = random_input(5)
    with torch.no_grad():
        out = net(torch.from_numpy(x)[None])[0].numpy().astype(float)
    spec = os.path.join(folder, "spec.json")
    with open(spec, "w") as f:
        json.dump(SPEC, f)
    for name, state in {"plain": net.state_dict(), "checkpoint": {"epoch": 3, "state_dict": net.state_dict()}}.items():
        path = os.path.join(folder, name + ".pt")
        torch.save(state, path)
        assert convert([path, "--spec", spec, "--out", os.path.join(folder, name + ".safetensors"), "--offset", "-67.7"]) == 0
        with open(os.path.join(folder, name + ".json"), "w") as f:
            json.dump({"framework": f"PyTorch {torch.__version__}", "steps": STEPS, "events": events,
                       "heads": {"spike": (1 / (1 + np.exp(-out[:1]))).tolist(), "v_soma": (out[1:] - 67.7).tolist()}}, f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1])
