"""Command line of the converters."""

from __future__ import annotations

import argparse
import os
import sys

from .document import ConvertError, Options, write


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m understudy.convert",
        description="Convert a model of Keras (.keras, .h5) or PyTorch (.pt, .pth: a state dict, or a public ELM neuron) to a model file. "
                    "Nothing in the file is run. For ONNX see `understudy model import`.",
        epilog="example: python -m understudy.convert NMDA_TCN__model.h5 --out l5pc.safetensors --threshold 0.2")
    p.add_argument("source", metavar="SRC", help="file to convert")
    p.add_argument("--out", required=True, metavar="M.safetensors", help="model file to write")
    p.add_argument("--name", default="", help="name in the model file (default: as SRC is called)")
    p.add_argument("--spike-output", default="", metavar="NAME[:CHANNEL]", help="output that is the spike's probability (default: spike, spikes or p_spike)")
    p.add_argument("--v-soma-output", default="", metavar="NAME[:CHANNEL]", help="output that is the soma's voltage (default: v_soma, somatic, soma or voltage)")
    p.add_argument("--scale", type=float, help="soma voltage in mV is offset + scale*output (default 1)")
    p.add_argument("--offset", type=float, help="the same (default 0; -67.7 for a network of fit_CNN.py)")
    p.add_argument("--threshold", type=float, help="probability from which a step has a spike (default 0.5)")
    p.add_argument("--spec", metavar="JSON", help="PyTorch: description of the network; ELM: its model_config.json, if it is not beside SRC")
    return p


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = parser()
    a = p.parse_args(argv)
    if a.threshold is not None and not 0 <= a.threshold <= 1:
        p.error(f"--threshold {a.threshold}: want 0 to 1")
    options = Options(a.name, a.spike_output, a.v_soma_output, a.scale, a.offset, a.threshold)
    try:
        write(a.out, *convert(a.source, options, a.spec))
    except (ValueError, OSError) as e:
        print(f"understudy.convert: {e}", file=sys.stderr)
        return 1
    return 0


def convert(source: str, options: Options, spec: str | None):
    """The document and the tensors of a file of any format."""
    ending = os.path.splitext(source)[1].lower()
    if ending in (".keras", ".h5", ".hdf5"):
        from . import keras

        if spec:
            raise ConvertError(f"{source}: a Keras file describes itself; --spec is for PyTorch")
        return keras.convert(source, options)
    if ending in (".pt", ".pth"):
        from . import elm, pytorch

        if "_proto_tau_m" not in pytorch.load(source):
            return pytorch.convert(source, spec, options)
        document, tensors = elm.convert(source, spec)
        if options.spike_output or options.v_soma_output:
            raise ConvertError(f"{source}: an ELM neuron has its own heads")
        for key, value in (("name", options.name or None), ("spike_threshold", options.threshold)):
            if value is not None:
                document[key] = value
        for key, value in (("scale", options.scale), ("offset", options.offset)):
            if value is not None:
                document["heads"]["v_soma"][key] = value
        return document, tensors
    hint = ": use `understudy model import`" if ending == ".onnx" else ""
    raise ConvertError(f"{source}: not a .keras, .h5, .pt or .pth file{hint}")


if __name__ == "__main__":
    sys.exit(main())
