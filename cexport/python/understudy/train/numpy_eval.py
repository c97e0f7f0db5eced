"""Evaluates a model file with numpy alone: the file format, in a few lines."""

import json

import numpy as np


def read_model(path: str) -> tuple[dict, dict[str, np.ndarray]]:
    """The JSON document and the tensors of a model file. Checks nothing."""
    raw = np.fromfile(path, np.uint8)
    end = 8 + int(raw[:8].view("<u8")[0])
    head = json.loads(raw[8:end].tobytes())
    doc = json.loads(head.pop("__metadata__")["understudy"])
    return doc, {k: raw[end + t["data_offsets"][0] : end + t["data_offsets"][1]].view("<f4").reshape(t["shape"])
                 for k, t in head.items()}


def evaluate(path: str, channel, step, weight=1.0, steps: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Spike probability [T] and soma voltage [T, mV] for events (channel, step, weight)."""
    doc, tensors = read_model(path)
    y = {"events": np.zeros((steps, doc["inputs"]["channels"]), np.float32)}
    np.add.at(y["events"], (np.asarray(step), np.asarray(channel)), np.float32(weight))
    for layer in doc["layers"]:
        if layer["op"] == "add":
            z = sum(y[name] for name in layer["in"])
        elif layer["op"] == "conv1d":
            x, w = y[layer["in"][0]], tensors[layer["weight"]]
            groups, kernel, dilation = layer.get("groups", 1), w.shape[2], layer.get("dilation", 1)
            pad = np.concatenate([np.zeros(((kernel - 1) * dilation, x.shape[1]), x.dtype), x])
            taps = [pad[j * dilation : j * dilation + steps].reshape(steps, groups, -1) for j in range(kernel)]
            wg = w.reshape(groups, -1, *w.shape[1:])
            z = sum(np.einsum("tgi,goi->tgo", t, wg[..., j], optimize=True) for j, t in enumerate(taps))
            z = z.reshape(steps, -1) + tensors.get(layer.get("bias"), np.float32(0))
        else:
            raise ValueError(f"layer {layer['name']}: this evaluator has no op {layer['op']}")
        y[layer["name"]] = np.maximum(z, 0) if layer.get("activation") == "relu" else z
    spike, v = doc["heads"]["spike"], doc["heads"]["v_soma"]
    return (1 / (1 + np.exp(-y[spike["layer"]][:, spike["index"]])),
            v["offset"] + v["scale"] * y[v["layer"]][:, v["index"]])
