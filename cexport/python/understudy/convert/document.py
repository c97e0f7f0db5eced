"""What the converters share: errors, heads and the file that they write."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass

import numpy as np

MAX_VALUES = 2**28
"""Numbers in all tensors of a model: far above any surrogate, 1 GB."""

SPIKE_NAMES = ("spike", "spikes", "p_spike")
V_SOMA_NAMES = ("v_soma", "v_soma_mv", "somatic", "soma", "voltage")


class ConvertError(ValueError):
    """A file that cannot be converted; the message names the file and the place in it."""


@dataclass(frozen=True)
class Options:
    """What the file does not say."""

    name: str = ""
    """Of the model; by default as the file is called."""
    spike_output: str = ""
    """NAME or NAME:CHANNEL of the spike's output; by default the one with a name of SPIKE_NAMES."""
    v_soma_output: str = ""
    """The same of the soma voltage, V_SOMA_NAMES."""
    scale: float | None = None
    """Soma voltage [mV] = offset + scale*output; 1 by default."""
    offset: float | None = None
    """0 by default."""
    threshold: float | None = None
    """Probability from which a step has a spike; 0.5 by default."""


@dataclass(frozen=True)
class Output:
    """An output of the network: channels of a layer."""

    name: str
    layer: str
    width: int
    logit: str = ""
    """Layer that the output is the sigmoid of, if it is one."""


def heads(outputs: list[Output], options: Options) -> dict:
    """The document's heads: outputs by the user's word or by their names, all others by their own names."""
    found = {}
    for head, said, names in (("spike", options.spike_output, SPIKE_NAMES), ("v_soma", options.v_soma_output, V_SOMA_NAMES)):
        hit = _find(outputs, said, names)
        if hit is None and (said or head == "spike"):
            known = ", ".join(f"{o.name!r} with {o.width} channels" for o in outputs)
            raise ConvertError(f"which output is the head {head}? The outputs are {known}; "
                               + (f"{said!r} is none of them" if said else f"none is named {' or '.join(names)}")
                               + f". Say NAME or NAME:CHANNEL (--{head.replace('_', '-')}-output)")
        if hit is None:
            continue
        output, channel = hit
        if channel is None and output.width != 1:
            raise ConvertError(f"output {output.name!r} has {output.width} channels; which is the head {head}? "
                               f"Say {output.name}:CHANNEL (--{head.replace('_', '-')}-output)")
        found[head] = output, channel or 0
    output, index = found["spike"]
    out = {"spike": {"layer": output.logit or output.layer, "index": index, "activation": "sigmoid"}}
    if "v_soma" in found:
        output, index = found["v_soma"]
        out["v_soma"] = {"layer": output.layer, "index": index, "unit": "mV"}
        out["v_soma"] |= {k: v for k, v in (("scale", options.scale), ("offset", options.offset)) if v is not None}
    for o in outputs:
        if o in (f[0] for f in found.values()):
            continue
        name = re.sub("[^a-z0-9_]", "_", o.name.lower()) or "output"
        while name in out or name in ("spike", "v_soma"):
            name += "_"
        out[name] = {"layer": o.layer, "index": 0, "count": o.width}
    return out


def _find(outputs: list[Output], said: str, names: tuple[str, ...]) -> tuple[Output, int | None] | None:
    for o in outputs:
        if o.name == said or not said and o.name.lower() in names:
            return o, None
    name, colon, channel = said.rpartition(":")
    if colon and channel.isdigit():
        for o in outputs:
            if o.name == name and int(channel) < o.width:
                return o, int(channel)
    return None


def document(name: str, channels: int, layers: list[dict], head: dict, options: Options, provenance: dict) -> dict:
    """The JSON document, with the layers that no head needs left out."""
    needed = {h["layer"] for h in head.values()}
    kept = []
    for layer in reversed(layers):
        if layer["name"] in needed:
            needed.update(layer["in"])
            kept.append(layer)
    return {
        "schema": 1,
        "name": options.name or name,
        "kind": "tcn",
        "step_ms": 1,
        "inputs": {"channels": channels},
        "layers": kept[::-1],
        "heads": head,
        "spike_threshold": 0.5 if options.threshold is None else options.threshold,
        "provenance": provenance,
    }


TENSOR_KEYS = ("weight", "bias", "scale", "shift")


def keep_used(doc: dict, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of the document's layers, in their order, as float32."""
    used = {layer[key]: None for layer in doc["layers"] for key in TENSOR_KEYS if key in layer}
    return {name: np.ascontiguousarray(tensors[name], np.float32) for name in used}


def fold_norm(gamma, beta, mean, variance, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of a batch normalisation that uses its running statistics."""
    gain = np.asarray(gamma, float) / np.sqrt(np.asarray(variance, float) + epsilon)
    return gain, np.asarray(beta, float) - gain * np.asarray(mean, float)


def write(path: str, doc: dict, tensors: dict[str, np.ndarray]) -> None:
    """Writes the model file by renaming, so that a reader never sees half of it."""
    from safetensors.numpy import save

    for name, t in tensors.items():
        if not np.isfinite(t).all():
            raise ConvertError(f"tensor {name!r}: not all values are finite")
    content = save(tensors, metadata={"understudy": json.dumps(doc, separators=(",", ":"), allow_nan=False)})
    folder = os.path.dirname(os.path.abspath(path))
    fd, tmp = tempfile.mkstemp(dir=folder, prefix="." + os.path.basename(path))
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(content)
        os.chmod(tmp, 0o644)
        os.replace(tmp, path)
    except BaseException:
        os.unlink(tmp)
        raise
