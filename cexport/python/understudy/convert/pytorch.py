"""Converts a PyTorch state dict, with a description of the network.

A state dict holds weights but not what is done with them: neither dilations nor
activations, not even the order of layers. So the user says it, in the terms of the
model file itself (plugin/model/FORMAT.md): a JSON document with ``layers``, ``heads`` and
``inputs``, in which a layer names the ``module`` that its weights come from:

    {"inputs": {"channels": 12},
     "layers": [{"name": "c0", "op": "conv1d", "in": ["events"], "module": "net.0", "dilation": 2},
                {"name": "n0", "op": "batchnorm", "in": ["c0"], "module": "net.1", "activation": "relu"},
                {"name": "head", "op": "conv1d", "in": ["n0"], "module": "net.3"}],
     "heads": {"spike": {"layer": "head", "index": 0, "activation": "sigmoid"}}}

A conv1d takes the weight and bias of an nn.Conv1d or nn.Linear, weight-normed or not; a batchnorm the
parameters and running statistics of an nn.BatchNorm1d (``epsilon`` if it is not 1e-5).
Where the network itself is at hand, torch.onnx.export and ``understudy model import`` need no description.
"""

from __future__ import annotations

import json
import os

import numpy as np

from .document import MAX_VALUES, ConvertError, Options, fold_norm, keep_used

# Weight normalisation: old and new names of its norm and direction.
WEIGHT_NORM = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))


def load(path: str) -> dict:
    """The tensors of a state dict, which may be nested as checkpoints are; no code of the file is run."""
    try:
        import torch
    except ImportError:
        raise ConvertError("PyTorch files need PyTorch: pip install torch") from None
    import pickle

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as e:
        raise ConvertError(f"{path}: not a state dict, tensors by name ({str(e).splitlines()[0]}); a whole model, as torch.save(model) "
                           "writes it, holds code: save model.state_dict(), or export it to ONNX") from e
    for key in ("state_dict", "model_state_dict"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ConvertError(f"{path}: not a state dict, tensors by name")
    return state


def convert(path: str, spec_path: str | None, options: Options = Options()) -> tuple[dict, dict[str, np.ndarray]]:
    """The model document and its tensors. Raises ConvertError, naming the file and the entry."""
    state = _State(path, load(path))
    if not spec_path:
        raise ConvertError(f"{path}: a state dict does not say what the network does: describe it (--spec FILE, see `python -m pydoc "
                           "understudy.convert.pytorch`), or export the network to ONNX and use `understudy model import`")
    with open(spec_path, encoding="utf-8") as f:
        try:
            spec = json.load(f)
        except (ValueError, RecursionError) as e:
            raise ConvertError(f"{spec_path}: {e}") from e
    if options.spike_output or options.v_soma_output:
        raise ConvertError(f"{spec_path}: the heads are in the description")
    try:
        doc, tensors = _fill(spec, spec_path, state, options, os.path.splitext(os.path.basename(path))[0])
    except (KeyError, TypeError, AttributeError) as e:
        raise ConvertError(f"{spec_path}: not a description as FORMAT.md has it ({type(e).__name__}: {e})") from e
    state.finish()
    return doc, keep_used(doc, tensors)


class _State:
    """The state dict, of which every entry must be taken."""

    def __init__(self, path: str, state: dict):
        self.path, self.left = path, dict(state)

    def take(self, name: str, rank: int, optional: bool = False) -> np.ndarray | None:
        if name not in self.left:
            if optional:
                return None
            raise ConvertError(f"{self.path}: no {name!r}")
        t = self.left.pop(name)
        if t.ndim != rank or not t.is_floating_point() or t.is_sparse or t.numel() > MAX_VALUES:
            raise ConvertError(f"{self.path}: {name!r} is {t.dtype} of shape {list(t.shape)}, want floats of {rank} dimensions")
        return t.detach().double().numpy()

    def weight(self, module: str) -> np.ndarray:
        """[out][in/groups][kernel], also of a linear layer and with weight normalisation (Salimans & Kingma 2016)."""
        for norm, direction in WEIGHT_NORM:
            if f"{module}.{direction}" in self.left:
                g, v = self.take(f"{module}.{norm}", 3), self.take(f"{module}.{direction}", 3)
                axes = tuple(a for a in range(3) if g.shape[a] == 1)
                return g * v / np.sqrt((v * v).sum(axes, keepdims=True))
        name = f"{module}.weight"
        if name in self.left and self.left[name].ndim == 2:
            return self.take(name, 2)[:, :, None]
        return self.take(name, 3)

    def finish(self) -> None:
        left = sorted(k for k in self.left if not k.endswith(".num_batches_tracked"))
        if left:
            raise ConvertError(f"{self.path}: no layer of the description uses {left[0]!r}" + (f" and {len(left) - 1} others" if left[1:] else ""))


def _fill(spec: dict, spec_path: str, state: _State, options: Options, name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Replaces modules by tensors, and adds what every document has."""
    tensors: dict[str, np.ndarray] = {}
    layers = []
    for layer in spec["layers"]:
        layer = dict(layer)
        at, module, epsilon = f"{spec_path}: layer {layer['name']!r}", layer.pop("module", None), layer.pop("epsilon", 1e-5)
        if any(key in layer for key in ("weight", "bias", "scale", "shift")):
            raise ConvertError(f"{at}: its tensors are named by module")
        if (module is not None) != (layer["op"] in ("conv1d", "batchnorm")):
            raise ConvertError(f"{at}: {layer['op']} {'has no' if module is not None else 'needs a'} module")
        if layer["op"] == "conv1d":
            values = {"weight": state.weight(module), "bias": state.take(f"{module}.bias", 1, optional=True)}
            layer.setdefault("kernel", values["weight"].shape[2])
        elif layer["op"] == "batchnorm":
            mean, variance = state.take(f"{module}.running_mean", 1), state.take(f"{module}.running_var", 1)
            gamma, beta = (state.take(f"{module}.{key}", 1, optional=True) for key in ("weight", "bias"))
            values = dict(zip(("scale", "shift"), fold_norm(1 if gamma is None else gamma, 0 if beta is None else beta, mean, variance, epsilon)))
        else:
            values = {}
        for key, t in values.items():
            if t is not None:
                layer[key] = f"{layer['name']}.{key}"
                tensors[layer[key]] = t
        layers.append(layer)
    doc = {"schema": 1, "name": name, "kind": "tcn", "step_ms": 1, "spike_threshold": 0.5,
           "provenance": {"imported_from": "PyTorch", "source": os.path.basename(state.path)}} | spec | {"layers": layers}
    if options.name:
        doc["name"] = options.name
    if options.threshold is not None:
        doc["spike_threshold"] = options.threshold
    for key, v in (("scale", options.scale), ("offset", options.offset)):
        if v is not None:
            doc["heads"]["v_soma"][key] = v
    return doc, tensors
