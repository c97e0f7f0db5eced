"""Reads the cases that TestSimulators writes, and writes what a simulator answers."""

import json
import os

import numpy as np


def run(folder, case):
    """case(model, n, steps, events, options) returns p_spike and v_soma, [n][steps], and (step, neuron) of the spikes."""
    with open(os.path.join(folder, "cases.json"), encoding="utf-8") as f:
        cases = json.load(f)
    for i, c in enumerate(cases):
        z = np.load(os.path.join(folder, f"{i}.npz"))
        events = list(zip(*(z[name].tolist() for name in ("t_ms", "neuron", "channel", "weight"))))
        p, v, spikes = case(os.path.join(folder, f"{i}.safetensors"), c["n"], c["steps"], events, c["options"])
        spike = np.zeros((c["steps"], c["n"]), np.int32)
        for step, neuron in spikes:
            spike[int(step), int(neuron)] += 1
        np.savez(os.path.join(folder, f"{i}.out.npz"), p_spike=np.array(p).T.copy(), v_soma=np.array(v).T.copy(), spike=spike)
    return 0
