"""Writes a trained network as the model file of ``plugin/model/FORMAT.md``."""

from __future__ import annotations

import json
import os
import tempfile

import numpy as np
from safetensors.numpy import save

from .data import Dataset, Trial
from .elm import ELM
from .network import TCN
from .ops import shared


def tensors(network: TCN | ELM) -> dict[str, np.ndarray]:
    """The tensors of the model file."""
    return fold(network) if isinstance(network, TCN) else network.tensors()


def fold(network: TCN) -> dict[str, np.ndarray]:
    """The network's tensors with every batch normalisation folded into its convolution.

    Uses the running statistics. Exact up to rounding, also at a sequence's start,
    because the normalisation follows the zero padding and the convolution.
    """
    def a(t) -> np.ndarray:
        return t.detach().cpu().numpy().astype(np.float64)

    embed = a(shared(network.embed, network.spread))
    if network.mix is not None:
        embed = embed @ a(network.mix)
    out = {
        "embed.weight": embed.T[:, :, None],
        "smooth.weight": a(network.smooth),
        "smooth.bias": a(network.smooth_bias),
    }
    for i, b in enumerate(network.blocks):
        gain = a(b.norm.weight) / np.sqrt(a(b.norm.running_var) + b.norm.eps)
        out[f"b{i}.weight"] = a(b.weight) * gain[:, None, None]
        out[f"b{i}.bias"] = a(b.norm.bias) - gain * a(b.norm.running_mean)
    out["head.weight"] = a(network.head.weight)[:, :, None]
    out["head.bias"] = a(network.head.bias)
    return {k: np.ascontiguousarray(v, np.float32) for k, v in out.items()}


def conv(name: str, source: str, kernel: int, dilation: int = 1, groups: int = 1,
         bias: bool = True, activation: str = "none") -> dict:
    """A convolution as the model file lists it; its tensors are NAME.weight and NAME.bias."""
    d = {"name": name, "op": "conv1d", "in": [source], "weight": f"{name}.weight"}
    if bias:
        d["bias"] = f"{name}.bias"
    return d | {"kernel": kernel, "dilation": dilation, "groups": groups, "activation": activation}


def layers(network: TCN | ELM) -> list[dict]:
    """The architecture as the model file lists it."""
    if not isinstance(network, TCN):
        return network.layers()
    s = network.shape
    out = [conv("embed", "events", 1, bias=False),
           conv("smooth", "embed", s.smooth, groups=s.features, activation="relu")]
    x = "smooth"
    for i in range(s.blocks):
        out.append(conv(f"b{i}", x, s.kernel, s.dilation(i), activation="relu"))
        out.append({"name": f"r{i}", "op": "add", "in": [x, f"b{i}"]})
        x = f"r{i}"
    out.append(conv("head", x, 1))
    return out


def provenance(data: tuple[Dataset, ...], trials: list[Trial], command: str, seed: int, figures: dict) -> dict:
    """What a model was trained on, and by which command; `understudy evaluate` compares it with the data. The
    first data set is the one judged by."""
    m = data[0].manifest
    hours = sum(t.steps for t in trials) / 3.6e6
    p = {
        "cell": str(m.get("cell", "")),
        "data": f"{len(trials)} trials, {hours:.2f} h; " + "; ".join(
            f"seed {d.manifest.get('seed')}, manifest sha256 {d.manifest_sha256}" for d in data),
        "command": command,
        "seed": seed,
        "figures": figures,
        "morphology": m.get("morphology") or "built-in",
        "dendrites": m.get("dendrites") or "active",
    }
    return p | {k: m[k] for k in ("synapses", "dt_ms", "scheme") if k in m}


class TrainingRange:
    """Range of the inputs seen in training, extended trial by trial."""

    def __init__(self):
        self.events_per_ms = 0.0
        self.events_per_channel_per_s = 0.0
        self.weight = [1.0, 1.0]

    def add(self, trial: Trial, channels: int) -> None:
        """A channel's rate is the largest count within a second that starts at a full second."""
        self.events_per_ms = max(self.events_per_ms, float(np.diff(trial.start).max()))
        for a in range(0, trial.steps, 1000):
            e = min(a + 1000, trial.steps)
            part = trial.channel[trial.start[a] : trial.start[e]]
            if len(part):
                top = float(np.bincount(part, minlength=channels).max())
                self.events_per_channel_per_s = max(self.events_per_channel_per_s, top)
        if trial.weight is not None and len(trial.weight):
            self.weight = [min(self.weight[0], float(trial.weight.min())),
                           max(self.weight[1], float(trial.weight.max()))]

    def to_dict(self) -> dict:
        return {"events_per_ms": [0, self.events_per_ms],
                "events_per_channel_per_s": [0, self.events_per_channel_per_s],
                "weight": self.weight}


def document(network: TCN | ELM, data: Dataset, name: str, v_scale: float, v_offset: float,
             threshold: float, refractory_ms: int, seen: TrainingRange, provenance: dict) -> dict:
    """The JSON document under the metadata key ``understudy``."""
    m = data.manifest
    return {
        "schema": 1,
        "name": name,
        "kind": network.kind,
        "step_ms": 1,
        "inputs": {"channels": data.channels, "segment": m["segment"], "section": m["section"],
                   "x": m["x"], "channel_kind": m["channel_kind"]},
        "layers": layers(network),
        "heads": {
            "spike": {"layer": "head", "index": 0, "activation": "sigmoid"},
            "v_soma": {"layer": "head", "index": 1, "scale": v_scale, "offset": v_offset, "unit": "mV"},
        },
        "spike_threshold": threshold,
        "refractory_ms": refractory_ms,
        "training_range": seen.to_dict(),
        "provenance": provenance,
    }


def write_atomic(path: str, content: bytes) -> None:
    """Write a file by renaming, so that a reader never sees half of it."""
    folder = os.path.dirname(os.path.abspath(path))
    fd, tmp = tempfile.mkstemp(dir=folder, prefix="." + os.path.basename(path))
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(tmp, 0o644)
        os.replace(tmp, path)
    except BaseException:
        os.unlink(tmp)
        raise


def write_model(path: str, tensors: dict[str, np.ndarray], doc: dict) -> None:
    """Write the model file."""
    write_atomic(path, save(tensors, metadata={"understudy": json.dumps(doc, separators=(",", ":"), allow_nan=False)}))
