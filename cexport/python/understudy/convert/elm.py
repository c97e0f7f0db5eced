"""Converts ELM neurons of https://github.com/AaronSpieler/elmneuron (Spieler et al. 2023, arXiv:2306.16922).

The public file is a PyTorch state dict, which holds parameters but not all of the
architecture: that is in ``model_config.json`` beside it, the arguments of the
repository's class. Both of its classes are read: the neuron with a trace per
synapse (equations 1-4) and the later one with a trace per branch.

How NeuronIO, the data these models are trained on, becomes their input, and what
the converted model expects instead:

- 1,278 channels, the excitatory synapses of 639 segments, then the inhibitory ones
  in the same order; that is also understudy's order.
- An event counts +1 on an excitatory and -1 on an inhibitory channel. Here the sign
  is in the weights of the synapses: events have weight 1 on all channels.
- Several spikes of one synapse within a millisecond count once in NeuronIO. Here
  their weights add up, as everywhere in understudy.
- Outputs: the logit of a spike in the step, and (v - (-67.7 mV)) / 10 mV of the soma
  voltage, which was cut off at -55 mV.

The order of NeuronIO's segments is that of its own reconstruction: such a model is
no surrogate of another cell's synapses.
"""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np

SOMA_SCALE_MV, SOMA_OFFSET_MV = 10.0, -67.7
NEURONIO = "neuronio_routing"

# Arguments of the class that are not in every config, with the class's defaults.
DEFAULTS = {
    "lambda_value": 5.0,
    "mlp_num_layers": 1,
    "mlp_activation": "relu",
    "memory_tau_min": 1.0,
    "memory_tau_max": 1000.0,
    "delta_t": 1.0,
    "num_synapse_per_branch": 1,
    "input_to_synapse_routing": None,
}
# Those that only say how training began, or that the tensors' shapes repeat.
UNUSED = {"learn_memory_tau", "w_s_value", "tau_s_value", "tau_b_value", "mlp_hidden_size"}


def convert(path: str, config_path: str | None = None) -> tuple[dict, dict[str, np.ndarray]]:
    """The model document and its tensors of a state dict and its config.

    Without ``config_path`` it is ``model_config.json`` in the folder of ``path``. The
    file names no spike threshold: the document has 0.5, to be replaced by one chosen
    on validation data. Raises ValueError, naming the file and the entry, for what
    these models do not have.
    """
    config_path = config_path or os.path.join(os.path.dirname(path), "model_config.json")
    config = _config(config_path)
    state = _State(path)

    channels, memory, branches = config["num_input"], config["num_memory"], config["num_branch"]
    synapses = branches * config["num_synapse_per_branch"]
    if config["num_output"] != 2:
        raise ValueError(f"{config_path}: num_output {config['num_output']}: only models with two outputs, spike and soma voltage, are converted")
    tau_m = state.take("_proto_tau_m", memory)
    low, high = config["memory_tau_min"], config["memory_tau_max"]
    if state.per_branch:
        high = max(low + 3e-6, high)
    tau_m = np.maximum(low + (high - low) / (1 + np.exp(-tau_m)), 1e-6)
    memory_decay = np.exp(-config["delta_t"] / tau_m)

    tensors = {
        "synapses.weight": _synapses(state, config, channels, branches, synapses)[:, :, None],
        "elm.synapse_decay": np.exp(-config["delta_t"] / np.maximum(_tau_s(state, branches, synapses), 1e-6)),
        "elm.memory_decay": memory_decay,
    }
    mlp, width = [], branches + memory
    for i in range(config["mlp_num_layers"] + 1):
        last = i == config["mlp_num_layers"]
        weight = state.take(f"mlp.network.{2 * i}.weight", memory if last else None, width)
        names = f"elm.mlp{i}.weight", f"elm.mlp{i}.bias"
        tensors[names[0]], tensors[names[1]] = weight, state.take(f"mlp.network.{2 * i}.bias", len(weight))
        width = len(weight)
        mlp.append({"weight": names[0], "bias": names[1], "activation": "scaled_tanh" if last else config["mlp_activation"]})
    tensors["head.weight"] = state.take("w_y.weight", 2, memory)[:, :, None]
    tensors["head.bias"] = state.take("w_y.bias", 2)
    state.finish()

    if state.per_branch:
        # This class has 1 - exp(-lambda/tau) where the format has lambda*(1 - exp(-1/tau)):
        # memory in another unit, which its readers' weights undo.
        unit = config["lambda_value"] * (1 - memory_decay) / (1 - memory_decay ** config["lambda_value"])
        tensors["elm.mlp0.weight"][:, branches:] /= unit
        tensors["head.weight"] /= unit[:, None]

    document = {
        "schema": 1,
        "name": "elm-" + os.path.basename(os.path.dirname(os.path.abspath(path))),
        "kind": "elm",
        "step_ms": 1,
        "inputs": {"channels": channels},
        "layers": [
            {"name": "synapses", "op": "conv1d", "in": ["events"], "weight": "synapses.weight", "kernel": 1},
            {"name": "elm", "op": "elm", "in": ["synapses"], "elm": {
                "synapse_decay": "elm.synapse_decay", "memory_decay": "elm.memory_decay",
                "lambda": config["lambda_value"], "mlp": mlp}},
            {"name": "head", "op": "conv1d", "in": ["elm"], "weight": "head.weight", "bias": "head.bias", "kernel": 1},
        ],
        "heads": {
            "spike": {"layer": "head", "index": 0, "activation": "sigmoid"},
            "v_soma": {"layer": "head", "index": 1, "scale": SOMA_SCALE_MV, "offset": SOMA_OFFSET_MV, "unit": "mV"},
        },
        "spike_threshold": 0.5,
        "training_range": {"weight": [1, 1]},
        "provenance": {"source": os.path.basename(path), "sha256": state.sha256, "config": config,
                       "paper": "Spieler et al. 2023, arXiv:2306.16922", "code": "https://github.com/AaronSpieler/elmneuron"},
    }
    if config["input_to_synapse_routing"] == NEURONIO:
        document["inputs"]["channel_kind"] = ["exc"] * (channels // 2) + ["inh"] * (channels - channels // 2)
    return document, {k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()}


def _config(path: str) -> dict:
    with open(path, encoding="utf-8") as f:
        given = json.load(f)
    if not isinstance(given, dict):
        raise ValueError(f"{path}: not a JSON object")
    known = set(DEFAULTS) | UNUSED | {"num_input", "num_output", "num_memory", "num_branch"}
    for key in given:
        if key not in known:
            raise ValueError(f"{path}: unknown key {key!r}")
    config = DEFAULTS | {k: v for k, v in given.items() if k not in UNUSED}
    for key in ("num_input", "num_output", "num_memory"):
        if key not in config:
            raise ValueError(f"{path}: no {key!r}")
    if config.get("num_branch") is None:
        config["num_branch"] = config["num_input"]
    for key in ("num_input", "num_output", "num_memory", "num_branch", "num_synapse_per_branch", "mlp_num_layers"):
        if not isinstance(config[key], int) or config[key] < 1:
            raise ValueError(f"{path}: {key} is {config[key]!r}, want a whole number from 1 on")
    if config["mlp_activation"] not in ("relu", "silu"):
        raise ValueError(f"{path}: mlp_activation {config['mlp_activation']!r}, known: relu, silu")
    if config["delta_t"] != 1:
        raise ValueError(f"{path}: delta_t {config['delta_t']}, only steps of 1 ms are converted")
    return config


class _State:
    """The state dict, of which every entry must be taken."""

    def __init__(self, path: str):
        import torch

        self.path = path
        with open(path, "rb") as f:
            self.sha256 = hashlib.sha256(f.read()).hexdigest()
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or "_proto_tau_m" not in state:
            raise ValueError(f"{path}: no '_proto_tau_m': not the state dict of an ELM neuron")
        self.entries = {k: v.numpy() for k, v in state.items()}
        self.per_branch = "tau_b" in self.entries

    def take(self, name: str, *shape: int | None) -> np.ndarray:
        """The entry in float64; it must have that shape, None standing for any size."""
        if name not in self.entries:
            raise ValueError(f"{self.path}: no {name!r}")
        x = self.entries.pop(name)
        if x.ndim != len(shape) or any(want is not None and want != have for want, have in zip(shape, x.shape)):
            raise ValueError(f"{self.path}: {name!r} has shape {list(x.shape)}, want {['any' if s is None else s for s in shape]}")
        return x.astype(np.float64)

    def finish(self) -> None:
        if self.entries:
            raise ValueError(f"{self.path}: unknown entry {sorted(self.entries)[0]!r}")


def _tau_s(state: _State, branches: int, synapses: int) -> np.ndarray:
    """Time constant of each branch [ms]: the traces of its synapses are kept summed."""
    if state.per_branch:
        return state.take("tau_b", branches)
    tau = state.take("tau_s", synapses).reshape(branches, -1)
    differs = np.flatnonzero((tau != tau[:, :1]).any(1))
    if len(differs):
        raise ValueError(f"{state.path}: 'tau_s' differs within branch {differs[0]}: only branches whose synapses share a time constant are converted")
    return tau[:, 0]


def _synapses(state: _State, config: dict, channels: int, branches: int, synapses: int) -> np.ndarray:
    """Weights [branches][channels]: what an event of weight 1 adds to a branch."""
    weight = np.maximum(state.take("_proto_w_s", synapses), 0)
    routing = config["input_to_synapse_routing"]
    if routing is None:
        for name in ("input_to_synapse_indices", "valid_indices_mask"):  # empty where there is no routing
            if name in state.entries:
                state.take(name, 0)
        if synapses != channels:
            raise ValueError(f"{state.path}: {synapses} synapses for {channels} inputs without input_to_synapse_routing")
        source = np.arange(channels)
    else:
        source = state.take("input_to_synapse_indices", synapses).astype(np.int64)
        weight = weight * state.take("valid_indices_mask", synapses)
        if source.min() < 0 or source.max() >= channels:
            raise ValueError(f"{state.path}: 'input_to_synapse_indices' goes from {source.min()} to {source.max()}, there are {channels} inputs")
    if routing == NEURONIO:
        weight = weight * np.where(source < channels // 2, 1, -1)
    out = np.zeros((branches, channels))
    np.add.at(out, (np.arange(synapses) // config["num_synapse_per_branch"], source), weight)
    return out
