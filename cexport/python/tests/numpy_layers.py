"""Evaluates any model file of kind tcn in float64, straight from FORMAT.md, to judge converters by."""

import math

import numpy as np

from understudy.train.numpy_eval import read_model

_erf = np.vectorize(math.erf, otypes=[float])


def _activate(name: str, alpha: float | None, x: np.ndarray) -> np.ndarray:
    below = np.minimum(x, 0)
    return {
        "none": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "leaky_relu": lambda: np.where(x > 0, x, alpha * x),
        "elu": lambda: np.where(x > 0, x, alpha * np.expm1(below)),
        "silu": lambda: x / (1 + np.exp(-x)),
        "gelu": lambda: x / 2 * (1 + _erf(x / math.sqrt(2))),
        "gelu_tanh": lambda: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "scaled_tanh": lambda: 1.7159 * np.tanh(2 * x / 3),
    }[name]()


def evaluate(path: str, events: np.ndarray) -> dict[str, np.ndarray]:
    """Every head [count][T] for events [T][C], from t = 0."""
    doc, tensors = read_model(path)
    tensors = {k: t.astype(float) for k, t in tensors.items()}
    y = {"events": np.asarray(events, float)}
    steps = len(events)
    for layer in doc["layers"]:
        x = [y[name] for name in layer["in"]]
        op = layer["op"]
        if op == "conv1d":
            w, dilation, groups = tensors[layer["weight"]], layer.get("dilation", 1), layer.get("groups", 1)
            out, per_group, kernel = w.shape
            z = np.zeros((steps, out))
            for o in range(out):
                first = o // (out // groups) * per_group
                for j in range(kernel):
                    ago = (kernel - 1 - j) * dilation
                    if ago < steps:
                        z[ago:, o] += x[0][: steps - ago, first : first + per_group] @ w[o, :, j]
            z += tensors[layer["bias"]] if "bias" in layer else 0
        elif op == "add":
            z = sum(x)
        elif op == "concat":
            z = np.concatenate(x, 1)
        elif op == "batchnorm":
            z = x[0] * tensors[layer["scale"]] + tensors[layer["shift"]]
        elif op == "activation":
            z = x[0]
        else:
            raise ValueError(op)
        y[layer["name"]] = _activate(layer.get("activation", "none"), layer.get("alpha"), z)
    heads = {}
    for name, h in doc["heads"].items():
        z = y[h["layer"]][:, h["index"] : h["index"] + h.get("count", 1)].T
        heads[name] = _activate(h.get("activation", "none"), None, z * h.get("scale", 1) + h.get("offset", 0))
    return heads
