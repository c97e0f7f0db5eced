"""A model file of a neuron that is cheap to step and spikes when it is excited, for tests and benchmarks."""

import json
import struct

import numpy as np


def write_small_model(path, channels: int = 12, width: int = 4, kernel: int = 8, seed: int = 0) -> None:
    """Filters of `kernel` ms of the events, the latter half of the channels inhibitory, then spike and voltage."""
    rng = np.random.default_rng(seed)
    sign = np.where(np.arange(channels) < (channels + 1) // 2, 1.0, -1.0)
    decay = np.exp(-np.arange(kernel)[::-1] / 3.0)  # the last tap is the present
    filters = rng.uniform(0.2, 1, (width, channels, 1)) * sign[:, None] * decay
    head = np.concatenate([rng.uniform(0.5, 1.5, (1, width, 1)), rng.uniform(0, 1, (1, width, 1))])
    tensors = {"filter.weight": filters, "filter.bias": rng.uniform(0, 0.1, width), "head.weight": head, "head.bias": np.array([-4.0, 0.0])}
    document = {
        "schema": 1, "name": "small", "kind": "tcn", "step_ms": 1, "inputs": {"channels": channels},
        "layers": [
            {"name": "filter", "op": "conv1d", "in": ["events"], "weight": "filter.weight", "bias": "filter.bias", "kernel": kernel, "activation": "relu"},
            {"name": "head", "op": "conv1d", "in": ["filter"], "weight": "head.weight", "bias": "head.bias", "kernel": 1},
        ],
        "heads": {"spike": {"layer": "head", "index": 0, "activation": "sigmoid"},
                  "v_soma": {"layer": "head", "index": 1, "scale": 2.0, "offset": -70.0, "unit": "mV"}},
        "spike_threshold": 0.5, "refractory_ms": 2,
        "training_range": {"events_per_ms": [0, 100], "weight": [0, 2]},
    }
    header, data = {"__metadata__": {"understudy": json.dumps(document)}}, b""
    for name, tensor in tensors.items():
        content = np.ascontiguousarray(tensor, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
