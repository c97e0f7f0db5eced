"""Lets the channels of a trained model on neighbouring segments share their weights.

    python -m understudy.train.smooth MODEL.safetensors --out SMOOTH.safetensors

A model that learnt from few hours of data has learnt by heart what single channels did;
neighbours on a dendrite do nearly the same. Training with ``--channel-smoothing`` is better
still. The integer form is left out: quantise the result anew, and choose its threshold.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from .data import spread
from .export import write_model
from .numpy_eval import read_model


def smooth(doc: dict, tensors: dict[str, np.ndarray], strength: float) -> tuple[dict, dict[str, np.ndarray]]:
    """The document and tensors of a model whose convolutions on events [F, C, K] are smoothed over C."""
    inputs = doc["inputs"]
    if not inputs.get("section") or not inputs.get("channel_kind"):
        raise ValueError("the model does not say on which section its channels are")
    s = spread(inputs["section"], inputs["channel_kind"], strength).astype(np.float64)
    out, found = dict(tensors), False
    for layer in doc["layers"]:
        if layer["op"] != "conv1d" or layer["in"] != ["events"]:
            continue
        if layer.get("groups", 1) != 1:
            raise ValueError(f"layer {layer['name']} has groups")
        w = np.asarray(tensors[layer["weight"]], np.float64)
        out[layer["weight"]] = np.ascontiguousarray(np.einsum("fck,dc->fdk", w, s), np.float32)
        found = True
    if not found:
        raise ValueError("no convolution on events")
    provenance = dict(doc.get("provenance") or {}) | {"channels_smoothed": strength}
    return {k: v for k, v in doc.items() if k != "int8"} | {"provenance": provenance}, out


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = argparse.ArgumentParser(prog="python -m understudy.train.smooth", description=__doc__.split("\n")[0],
                                epilog="example: python -m understudy.train.smooth a.safetensors --strength 4 --out b.safetensors",
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("model", metavar="MODEL.safetensors")
    p.add_argument("--strength", type=float, default=4.0, help="0: none; a large one averages over each section")
    p.add_argument("--out", required=True, metavar="SMOOTH.safetensors")
    a = p.parse_args(argv)
    if not a.strength >= 0:
        p.error(f"--strength {a.strength}: want at least 0")
    try:
        doc, tensors = read_model(a.model)
        doc, tensors = smooth(doc, tensors, a.strength)
        write_model(a.out, tensors, doc)
    except (OSError, ValueError, KeyError) as e:
        print(f"understudy.train.smooth: {a.model}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
