"""Converts Keras models: ``.keras`` (Keras 3) and ``.h5`` (Keras 2 and 3).

The network of fit_CNN.py of https://github.com/SelfishGene/neuron_as_deep_net (Beniaguev et al.
2021) is one: its outputs ``spikes``, ``somatic`` and ``dendritic`` become heads, and as its
voltage is trained as v + 67.7 mV, that is how it is read.

Inputs are [steps][channels] (Keras: channels_last). Only layers that can be streamed
are converted; any other is refused by its name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from .document import MAX_VALUES, ConvertError, Options, Output, document, fold_norm, heads, keep_used
from .keras_file import KerasFile

FIT_CNN_OFFSET_MV = -67.7
"""fit_CNN.py: y_train_soma_bias, subtracted from the voltage [mV] before training."""

# Activations by Keras's names; alpha is Keras's default.
ACTIVATIONS = {
    "linear": ("none", None), "relu": ("relu", None), "sigmoid": ("sigmoid", None), "tanh": ("tanh", None), "elu": ("elu", 1.0),
    "silu": ("silu", None), "swish": ("silu", None), "gelu": ("gelu", None), "leaky_relu": ("leaky_relu", 0.2),
}

# Layers that do nothing once training is over.
NOTHING = {"Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization"}


@dataclass(frozen=True)
class Signal:
    """What a layer gives out: all channels of a layer of ours."""

    layer: str
    width: int
    pad: int = 0
    """Zeros before the first step, by a ZeroPadding1D."""
    logit: str = ""


def convert(path: str, options: Options = Options()) -> tuple[dict, dict[str, np.ndarray]]:
    """The model document and its tensors. Raises ConvertError, naming the file and the layer."""
    with KerasFile(path) as file:
        try:
            return _Network(file).convert(options, os.path.splitext(os.path.basename(path))[0])
        except ConvertError as e:
            raise ConvertError(f"{path}: {e}") from None
        except (KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as e:
            raise ConvertError(f"{path}: the description of the model is not as Keras writes it ({type(e).__name__}: {e})") from e


class _Network:
    def __init__(self, file: KerasFile):
        self.file = file
        self.layers: list[dict] = []
        self.tensors: dict[str, np.ndarray] = {}
        self.values = 0
        self.channels = 0

    def convert(self, options: Options, name: str) -> tuple[dict, dict[str, np.ndarray]]:
        kind, config = self.file.config["class_name"], self.file.config["config"]
        if kind == "Sequential":
            outputs = self._sequential(config if isinstance(config, list) else config["layers"])
        elif kind in ("Functional", "Model"):
            outputs = self._functional(config)
        else:
            raise ConvertError(f"a model of class {kind}: only Sequential and functional models have a description to convert")
        if {"spikes", "somatic", "dendritic"} <= {o.name for o in outputs} and options.offset is None:
            options = replace(options, offset=FIT_CNN_OFFSET_MV)
        doc = document(name, self.channels, self.layers, heads(outputs, options), options,
                       {"imported_from": f"Keras {self.file.version}", "source": os.path.basename(self.file.path)})
        return doc, keep_used(doc, self.tensors)

    def _sequential(self, entries: list[dict]) -> list[Output]:
        signal = None
        name = ""
        for entry in entries:
            name = entry["config"]["name"]
            if signal is None and entry["class_name"] != "InputLayer":
                signal = self._input(name, entry["config"])
            signal = self._layer(entry["class_name"], name, entry["config"], [] if signal is None else [signal])
        return [self._output(name, signal)]

    def _functional(self, config: dict) -> list[Output]:
        signals: dict[str, Signal] = {}
        waiting = list(config["layers"])
        while waiting:
            later = []
            for entry in waiting:
                name = entry["config"]["name"]
                sources = _sources(name, entry["inbound_nodes"])
                if all(s in signals for s in sources):
                    signals[name] = self._layer(entry["class_name"], name, entry["config"], [signals[s] for s in sources])
                else:
                    later.append(entry)
            if len(later) == len(waiting):
                raise ConvertError(f"layer {later[0]['config']['name']!r}: its inputs are made by no layer, or by itself")
            waiting = later
        if len(_places(config["input_layers"])) != 1:
            raise ConvertError(f"{len(_places(config['input_layers']))} inputs, want one, the events")
        outputs = []
        for name, layer in _places(config["output_layers"]):
            if layer not in signals:
                raise ConvertError(f"output {layer!r} is made by no layer")
            outputs.append(self._output(name, signals[layer]))
        return outputs

    def _output(self, name: str, s: Signal) -> Output:
        if s.pad:
            raise ConvertError(f"output {name!r} begins with {s.pad} steps of padding")
        return Output(name, s.layer, s.width, s.logit)

    def _input(self, name: str, c: dict) -> Signal:
        shape = c.get("batch_shape") or c.get("batch_input_shape")
        if not shape or len(shape) != 3 or not isinstance(shape[2], int) or not 1 <= shape[2] <= 2**20:
            raise ConvertError(f"layer {name!r}: input of shape {shape}, want [batch, steps, channels] with a fixed number of channels")
        if self.channels:
            raise ConvertError(f"layer {name!r}: a second input; want one, the events")
        self.channels = shape[2]
        return Signal("events", shape[2])

    def _layer(self, kind: str, name: str, c: dict, inputs: list[Signal]) -> Signal:
        """Adds what a Keras layer does."""
        if kind == "InputLayer":
            return self._input(name, c)
        if kind == "Lambda" or "lambda" in kind.lower():
            raise ConvertError(f"layer {name!r}: {kind} layers hold code, which is not run")
        if not inputs:
            raise ConvertError(f"layer {name!r} ({kind}): no input")
        if kind in ("Add", "Concatenate"):
            return self._join(kind, name, c, inputs)
        if len(inputs) != 1:
            raise ConvertError(f"layer {name!r} ({kind}): {len(inputs)} inputs, want one")
        x = inputs[0]
        if kind in NOTHING:
            return x
        if kind == "ZeroPadding1D":
            left, right = c["padding"] if isinstance(c["padding"], (list, tuple)) else (c["padding"],) * 2
            if right or left < 0 or c.get("data_format", "channels_last") != "channels_last":
                raise ConvertError(f"layer {name!r}: padding {c['padding']}: only steps before the first one may be padded")
            return replace(x, pad=x.pad + left, logit="")
        if kind in ("Activation", "ReLU", "LeakyReLU", "ELU"):
            activation, alpha = _activation(name, c["activation"] if kind == "Activation" else {"class_name": kind, "config": c})
            if x.pad and activation == "sigmoid":
                raise ConvertError(f"layer {name!r}: sigmoid after padding: the padded steps are no longer 0")
            return replace(self._emit(name, "activation", x, x.width, {}, activation, alpha), pad=x.pad)
        if kind == "BatchNormalization":
            return self._norm(name, c, x)
        if kind == "Dense":
            if x.pad:
                raise ConvertError(f"layer {name!r} (Dense): its input is padded")
            kernel, bias = self._take(name, kind, ("kernel", (x.width, c["units"])), ("bias", (c["units"],) if c["use_bias"] else None))
            return self._conv(name, c, x, kernel.T[:, :, None], bias, 1, 1)
        if kind in ("Conv1D", "DepthwiseConv1D", "SeparableConv1D"):
            return self._convolution(kind, name, c, x)
        raise ConvertError(f"layer {name!r}: {kind} layers are not known")

    def _join(self, kind: str, name: str, c: dict, inputs: list[Signal]) -> Signal:
        if any(x.pad for x in inputs):
            raise ConvertError(f"layer {name!r} ({kind}): an input is padded")
        widths = [x.width for x in inputs]
        if kind == "Add":
            if len(set(widths)) != 1:
                raise ConvertError(f"layer {name!r} (Add): inputs of {widths} channels")
            return self._emit(name, "add", inputs, widths[0], {})
        if c.get("axis", -1) not in (-1, 2):
            raise ConvertError(f"layer {name!r}: concatenation along axis {c['axis']}; only channels (-1) can be joined")
        return self._emit(name, "concat", inputs, sum(widths), {})

    def _norm(self, name: str, c: dict, x: Signal) -> Signal:
        axis = c.get("axis", -1)
        if axis not in (-1, 2, [-1], [2]):
            raise ConvertError(f"layer {name!r}: normalisation along axis {axis}; only of channels (-1)")
        if x.pad:
            raise ConvertError(f"layer {name!r}: normalisation after padding: the padded steps are no longer 0")
        shape = (x.width,)
        gamma, beta, mean, variance = self._take(
            name, "BatchNormalization", ("gamma", shape if c.get("scale", True) else None), ("beta", shape if c.get("center", True) else None),
            ("moving_mean", shape), ("moving_variance", shape))
        if (variance < 0).any():
            raise ConvertError(f"layer {name!r}: a negative variance")
        scale, shift = fold_norm(1 if gamma is None else gamma, 0 if beta is None else beta, mean, variance, c.get("epsilon", 1e-3))
        return self._emit(name, "batchnorm", x, x.width, {"scale": scale, "shift": shift})

    def _convolution(self, kind: str, name: str, c: dict, x: Signal) -> Signal:
        k, dilation, stride = (_one(name, c, key) for key in ("kernel_size", "dilation_rate", "strides"))
        if stride != 1:
            raise ConvertError(f"layer {name!r}: stride {stride}; only 1 is supported")
        if c.get("data_format") not in (None, "channels_last"):
            raise ConvertError(f"layer {name!r}: data_format {c['data_format']!r}; only channels_last is supported")
        reach, padding = (k - 1) * dilation, c["padding"]
        zeros = {"causal": x.pad + reach, "valid": x.pad, "same": x.pad if k == 1 else -1}.get(padding, -1)
        if zeros != reach:
            raise ConvertError(f"layer {name!r}: padding {padding!r} after {x.pad} steps of zeros, kernel {k}, dilation {dilation}: not causal, "
                               f"want 'causal', or 'valid' after {reach} zeros")
        if kind == "Conv1D":
            groups, out = c.get("groups", 1), c["filters"]
            if not isinstance(groups, int) or groups < 1 or x.width % groups:
                raise ConvertError(f"layer {name!r}: {groups} groups of {x.width} channels")
            kernel, bias = self._take(name, kind, ("kernel", (k, x.width // groups, out)), ("bias", (out,) if c["use_bias"] else None))
            return self._conv(name, c, x, kernel.transpose(2, 1, 0), bias, dilation, groups)
        wide = x.width * c["depth_multiplier"]
        first = ("depthwise_kernel", (k, x.width, c["depth_multiplier"]))
        if kind == "DepthwiseConv1D":
            kernel, bias = self._take(name, kind, first, ("bias", (wide,) if c["use_bias"] else None))
            return self._conv(name, c, x, kernel.transpose(1, 2, 0).reshape(wide, 1, k), bias, dilation, x.width)
        kernel, mix, bias = self._take(name, kind, first, ("pointwise_kernel", (1, wide, c["filters"])), ("bias", (c["filters"],) if c["use_bias"] else None))
        y = self._conv(name + "/depthwise", {"activation": "linear"}, x, kernel.transpose(1, 2, 0).reshape(wide, 1, k), None, dilation, x.width)
        return self._conv(name, c, y, mix.transpose(2, 1, 0), bias, 1, 1)

    def _conv(self, name: str, c: dict, x: Signal, weight: np.ndarray, bias: np.ndarray | None, dilation: int, groups: int) -> Signal:
        """A conv1d whose weight is [out][in/groups][kernel]."""
        activation, alpha = _activation(name, c.get("activation", "linear"))
        tensors = {"weight": weight} | ({} if bias is None else {"bias": bias})
        return self._emit(name, "conv1d", x, len(weight), tensors, activation, alpha,
                          kernel=weight.shape[2], dilation=dilation, groups=groups)

    def _emit(self, name: str, op: str, inputs: Signal | list[Signal], width: int, tensors: dict, activation: str = "none",
              alpha: float | None = None, **keys) -> Signal:
        if name == "events" or any(layer["name"] == name for layer in self.layers):
            raise ConvertError(f"layer {name!r}: the name is taken")
        layer = {"name": name, "op": op, "in": [x.layer for x in (inputs if isinstance(inputs, list) else [inputs])]}
        for key, t in tensors.items():
            layer[key] = f"{name}.{key}"
            self.tensors[f"{name}.{key}"] = t
        layer |= keys
        self.layers.append(layer)
        if activation == "sigmoid":
            # Apart, as the spike's head takes the sigmoid itself.
            if op == "activation":
                layer["activation"] = activation
                return Signal(name, width, logit=layer["in"][0])
            apart = name + "/sigmoid"
            self.layers.append({"name": apart, "op": "activation", "in": [name], "activation": activation})
            return Signal(apart, width, logit=name)
        layer["activation"] = activation
        if alpha is not None:
            layer["alpha"] = alpha
        return Signal(name, width)

    def _take(self, name: str, kind: str, *wanted: tuple[str, tuple[int, ...] | None]) -> list[np.ndarray | None]:
        """A layer's variables in Keras's order; None for one that it does not have."""
        for _, shape in wanted:
            if shape is not None:
                if not all(isinstance(n, int) and 0 < n <= MAX_VALUES for n in shape):
                    raise ConvertError(f"layer {name!r} ({kind}): sizes {shape}")
                self.values += int(np.prod(shape, dtype=object))
        if self.values > MAX_VALUES:
            raise ConvertError(f"layer {name!r} ({kind}): more than {MAX_VALUES} weights in all")
        present = [(n, s) for n, s in wanted if s is not None]
        arrays = iter(self.file.variables(name, kind, present))
        return [None if s is None else next(arrays) for _, s in wanted]


def _one(name: str, c: dict, key: str) -> int:
    v = c[key]
    v = v[0] if isinstance(v, (list, tuple)) and len(v) == 1 else v
    if not isinstance(v, int) or not 1 <= v <= 2**16:
        raise ConvertError(f"layer {name!r}: {key} is {c[key]!r}")
    return v


def _activation(name: str, a) -> tuple[str, float | None]:
    """Our name and alpha of what Keras has under ``activation``: a name, or a layer."""
    if a is None:
        return "none", None
    if isinstance(a, dict):
        c = a.get("config")
        if a.get("class_name") == "LeakyReLU":
            return "leaky_relu", float(c.get("negative_slope", c.get("alpha", 0.3)))
        if a.get("class_name") == "ELU":
            return "elu", float(c.get("alpha", 1))
        if a.get("class_name") == "ReLU" and c.get("max_value") is None and not c.get("threshold"):
            return ("leaky_relu", float(c["negative_slope"])) if c.get("negative_slope") else ("relu", None)
        a = c if isinstance(c, str) and a.get("class_name") == "function" else a
    if not isinstance(a, str) or a not in ACTIVATIONS:
        raise ConvertError(f"layer {name!r}: activation {a!r} is not known")
    return ACTIVATIONS[a]


def _places(places) -> list[tuple[str, str]]:
    """Inputs or outputs of a functional model, as (name, layer)."""
    if isinstance(places, dict):
        return [(name, p[0]) for name, p in places.items()]
    if places and isinstance(places[0], str):
        places = [places]
    return [(p[0], p[0]) for p in places]


def _sources(name: str, nodes: list) -> list[str]:
    """The layers that a layer reads."""
    if len(nodes) > 1:
        raise ConvertError(f"layer {name!r} is used {len(nodes)} times; only once is supported")
    if not nodes:
        return []
    node = nodes[0]
    if isinstance(node, dict):  # Keras 3
        first = node["args"][0]
        tensors = first if isinstance(first, list) else [first]
        rest = [*node["args"][1:], *(v for v in node.get("kwargs", {}).values())]
        if any(isinstance(v, (dict, list)) for v in rest):
            raise ConvertError(f"layer {name!r}: more than one argument")
        return [t["config"]["keras_history"][0] for t in tensors]
    if node and isinstance(node[0], str):
        node = [node]
    return [t[0] for t in node]
