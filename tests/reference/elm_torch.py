"""Evaluates ELM neurons with PyTorch and writes them with what came out.

    python elm_torch.py OUTDIR [STATE.pt]

Without STATE.pt for three networks with random parameters: NAME.pt and NAME_config.json
in the format of https://github.com/AaronSpieler/elmneuron, then as surrogate_torch.py
does NAME.safetensors, here from understudy.convert.elm, and NAME.json. With it for that
file, whose model_config.json lies beside it; NAME is then "public".

The equations are those of Spieler et al. (2023, arXiv:2306.16922, equations 1-4), with
a trace for every synapse, which understudy does not keep.

The files in elm_torch/ are the output of PyTorch 2.15 (seed 20230629).
"""

import json
import math
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cexport", "python"))
from understudy.convert.elm import DEFAULTS, convert
from understudy.train.export import write_model

SEED, STEPS = 20230629, 300


def signs(config):
    """+1 for excitatory channels, -1 for inhibitory ones: NeuronIO's input."""
    n = config["num_input"]
    if config["input_to_synapse_routing"] == "neuronio_routing":
        return torch.cat([torch.ones(n // 2), -torch.ones(n - n // 2)])
    return torch.ones(n)


def run(state, config, x):
    """Logit and scaled voltage [step][2] for input x [step][channel]."""
    branches, layers = config["num_branch"], config["mlp_num_layers"]
    if config["input_to_synapse_routing"]:
        x = x[:, state["input_to_synapse_indices"]] * state["valid_indices_mask"]
    low, high = config["memory_tau_min"], config["memory_tau_max"]
    tau_m = low + (high - low) * torch.sigmoid(state["_proto_tau_m"])
    km = torch.exp(-1 / tau_m)
    w = torch.relu(state["_proto_w_s"])
    per_branch = "tau_b" in state
    ks = torch.exp(-1 / state["tau_b" if per_branch else "tau_s"])
    gain = 1 - torch.exp(-config["lambda_value"] / tau_m) if per_branch else config["lambda_value"] * (1 - km)
    activation = {"relu": torch.relu, "silu": torch.nn.functional.silu}[config["mlp_activation"]]
    s, m, y = torch.zeros(len(ks)), torch.zeros(len(km)), []
    for now in x * w:
        if per_branch:
            s = ks * s + now.view(branches, -1).sum(1)
        else:
            s = ks * s + now
        z = torch.cat([s.view(branches, -1).sum(1), km * m])
        for i in range(layers + 1):
            z = state[f"mlp.network.{2 * i}.weight"] @ z + state[f"mlp.network.{2 * i}.bias"]
            if i < layers:
                z = activation(z)
        m = km * m + gain * 1.7159 * torch.tanh(2 / 3 * z)
        y.append(state["w_y.weight"] @ m + state["w_y.bias"])
    return torch.stack(y)


def make(config, per_branch):
    """Random parameters, routed as the public code does."""
    branches, each, memory, channels = (config[k] for k in ("num_branch", "num_synapse_per_branch", "num_memory", "num_input"))
    synapses = branches * each
    state = {"_proto_w_s": torch.rand(synapses) - 0.2, "_proto_tau_m": torch.linspace(-6, 6, memory)}
    if per_branch:
        state["tau_b"] = 1 + 9 * torch.rand(branches)
    else:
        state["tau_s"] = (1 + 9 * torch.rand(branches)).repeat_interleave(each)
    index, mask = torch.zeros(0), torch.zeros(0)
    if config["input_to_synapse_routing"] == "neuronio_routing":
        # Excitatory and inhibitory inputs in turn, and overlapping windows of them.
        turn = torch.arange(channels).view(2, -1).T.flatten()
        at = torch.arange(branches)[:, None] * math.ceil(channels / branches) + torch.arange(each)
        index, mask = turn[at.clamp(max=channels - 1)].flatten(), (at < channels).flatten()
    elif config["input_to_synapse_routing"]:
        index, mask = torch.randint(channels, (synapses,)), torch.ones(synapses, dtype=torch.int64)
    state["input_to_synapse_indices"], state["valid_indices_mask"] = index, mask
    width, hidden = branches + memory, 2 * memory
    for i in range(config["mlp_num_layers"] + 1):
        out = memory if i == config["mlp_num_layers"] else hidden
        state[f"mlp.network.{2 * i}.weight"] = torch.randn(out, width) * 0.7 / math.sqrt(width)
        state[f"mlp.network.{2 * i}.bias"] = torch.randn(out) * 0.3
        width = out
    state["w_y.weight"], state["w_y.bias"] = torch.randn(2, memory) / math.sqrt(memory), torch.randn(2)
    return state


def events(rng, channels, per_ms, weights, volley=0):
    """Events in waves, some twice on a channel in a step; excitation and inhibition apart;
    with excitatory volleys of 3 ms."""
    out = []
    for t in range(STEPS):
        wave = math.sin(2 * math.pi * t / 75)
        for first, rate in ((0, per_ms * (1 + wave)), (channels // 2, per_ms * (1 - wave)), (0, volley * (t % 75 < 3))):
            for c in rng.integers(first, first + channels // 2, rng.poisson(rate / 2)):
                for _ in range(1 + (rng.random() < 0.1)):
                    out.append([t + round(float(rng.random()) * 0.99, 3), int(c), float(rng.choice(weights))])
    return out


def dense(list_of_events, channels):
    x = np.zeros((STEPS, channels), np.float32)
    for t, c, w in list_of_events:
        x[int(t), c] += w
    return torch.from_numpy(x)


def write(out, name, state, config, input_events, state_path, config_path):
    z = run(state, config, dense(input_events, config["num_input"]) * signs(config))
    document, tensors = convert(state_path, config_path)
    document["name"] = name
    write_model(os.path.join(out, name + ".safetensors"), tensors, document)
    head = document["heads"]["v_soma"]
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump({"torch": torch.__version__, "steps": STEPS, "events": input_events, "p_spike": torch.sigmoid(z[:, 0]).tolist(),
                   "v_soma_mv": (head["offset"] + head["scale"] * z[:, 1]).tolist()}, f)


def main(out, public=None):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    os.makedirs(out, exist_ok=True)
    if public:
        config_path = os.path.join(os.path.dirname(public), "model_config.json")
        with open(config_path) as f:
            config = DEFAULTS | json.load(f)
        state = torch.load(public, map_location="cpu", weights_only=True)
        write(out, "public", state, config, events(rng, config["num_input"], 14, [1.0], 140), public, config_path)
        return
    small = {"num_output": 2, "memory_tau_max": 150.0}
    for name, config, per_branch in (
        ("routed", small | {"num_input": 60, "num_branch": 7, "num_synapse_per_branch": 13, "num_memory": 20, "mlp_activation": "silu", "input_to_synapse_routing": "neuronio_routing"}, False),
        ("plain", small | {"num_input": 24, "num_branch": 8, "num_synapse_per_branch": 3, "num_memory": 15, "mlp_num_layers": 2, "lambda_value": 3.0}, False),
        ("branch", small | {"num_input": 30, "num_branch": 6, "num_synapse_per_branch": 10, "num_memory": 16, "input_to_synapse_routing": "random_routing"}, True),
    ):
        full = DEFAULTS | config
        state = make(full, per_branch)
        input_events = events(rng, config["num_input"], 6, [1.0, 1.0, 0.5, -0.25])
        z = run(state, full, dense(input_events, config["num_input"]) * signs(full))[:, 0]
        gain = 2 / z.std()  # outputs of order 1 and spikes
        state["w_y.weight"][0] *= gain
        state["w_y.bias"][0] = (state["w_y.bias"][0] - z.median()) * gain - 1
        paths = os.path.join(out, name + ".pt"), os.path.join(out, name + "_config.json")
        torch.save(state, paths[0])
        with open(paths[1], "w") as f:
            json.dump(config, f)
        write(out, name, state, full, input_events, *paths)


if __name__ == "__main__":
    main(*sys.argv[1:])
