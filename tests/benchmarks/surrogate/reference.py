"""PyTorch's outputs for a model file, in float64 and as the file's format defines them:

    python reference.py REQUEST.json

Every layer is one operation over all steps, on dense events.
"""

import numpy as np
import torch
from torch.nn import functional as F

import peers

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": torch.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "scaled_tanh": lambda x: 1.7159 * torch.tanh(2 * x / 3),
}


def elm(layer, tensor, x):
    decay, memory_decay = tensor(layer["synapse_decay"]), tensor(layer["memory_decay"])
    s, m = torch.zeros_like(x[:, :, 0]), x.new_zeros(len(x), len(memory_decay))
    out = []
    for t in range(x.shape[2]):
        s = decay * s + x[:, :, t]
        d = torch.cat([s, memory_decay * m], 1)
        for dense in layer["mlp"]:
            d = ACTIVATIONS[dense["activation"]](F.linear(d, tensor(dense["weight"]), tensor(dense["bias"])))
        m = memory_decay * m + layer["lambda"] * (1 - memory_decay) * d
        out.append(m)
    return torch.stack(out, 2)


def main():
    r = peers.Request()
    x = torch.zeros(r.neurons, r.document["inputs"]["channels"], r.check_ms, dtype=torch.float64)
    for t in range(r.check_ms):
        for i in range(r.neurons):
            np.add.at(x[i, :, t].numpy(), r.channels[t % r.period, i], 1)
    tensor = lambda name: torch.from_numpy(r.tensors[name].copy()).double()
    values = {"events": x}
    with torch.inference_mode():
        for layer in r.document["layers"]:
            inputs = [values[name] for name in layer["in"]]
            if layer["op"] == "conv1d":
                dilation, bias = layer.get("dilation", 1), layer.get("bias")
                padded = F.pad(inputs[0], ((layer["kernel"] - 1) * dilation, 0))
                y = F.conv1d(padded, tensor(layer["weight"]), tensor(bias) if bias else None, dilation=dilation, groups=layer.get("groups", 1))
            elif layer["op"] == "add":
                y = sum(inputs)
            elif layer["op"] == "elm":
                y = elm(layer["elm"], tensor, inputs[0])
            else:
                raise ValueError(f"layer {layer['name']}: op {layer['op']}")
            values[layer["name"]] = ACTIVATIONS[layer.get("activation", "none")](y)
    heads = r.document["heads"]
    assert heads["spike"]["layer"] == heads["v_soma"]["layer"]
    z = values[heads["spike"]["layer"]][:, :2].permute(2, 0, 1)
    peers.peer.answer({"ready": {"version": torch.__version__, **r.outputs(0, z)}})


if __name__ == "__main__":
    main()
