"""A made-up neuron with many channels, so that tests and speed trials need no data."""

import json
import os

import numpy as np


def write_dataset(folder: str, trials: int, channels: int = 1278, ms: int = 6000, seed: int = 0,
                  events_per_ms: float = 14.0, weighted: bool = False, voltages: int = 0) -> None:
    """Trials of a leaky integrator with two nonlinear branches, in the format of `understudy dataset`.

    The dendritic voltages, where asked for, are the branches' slow states in turn.
    """
    os.makedirs(folder, exist_ok=True)
    half = channels // 2
    region = ["dend" if i % half < half // 2 else "apic" for i in range(channels)]
    manifest = {
        "schema": 1, "cell": "synthetic", "channels": channels, "seconds": ms / 1000, "seed": seed,
        "trials": trials, "synapses": "nmda", "dt_ms": 0.025,
        "channel_kind": ["exc"] * half + ["inh"] * (channels - half),
        "segment": [i % half for i in range(channels)], "section": [f"{r}[0]" for r in region],
        "x": [0.5] * channels, "region": region, "length_um": [10.0] * channels, "distance_um": [100.0] * channels,
    }
    if voltages:
        manifest["voltages"] = list(range(voltages))
    with open(os.path.join(folder, "manifest.json"), "w") as f:
        json.dump(manifest, f)
    efficacy = np.random.default_rng(seed + 10_000).uniform(0.5, 1.5, channels) * 56 / channels
    apical = np.array([r == "apic" for r in region])
    for k in range(trials):
        rng = np.random.default_rng([seed, k])
        rate = np.repeat(rng.gamma(1.5, 1 / 1.5, (ms // 150 + 1, 4)), 150, axis=0)[:ms] * events_per_ms / 4
        group = np.arange(channels) // half * 2 + apical
        t, c = [], []
        for g in range(4):
            n = rng.poisson(rate[:, g])
            t.append(np.repeat(np.arange(ms), n))
            c.append(rng.choice(np.flatnonzero(group == g), n.sum()))
        t, c = np.concatenate(t), np.concatenate(c)
        order = np.argsort(t, kind="stable")
        t, c = t[order], c[order]
        w = rng.uniform(0.5, 2, len(t)).astype(np.float32) if weighted else np.ones(len(t), np.float32)
        drive = np.zeros((ms, 4))
        np.add.at(drive, (t, group[c]), efficacy[c] * w)
        v, peaks = np.full(ms, -70.0, np.float32), []
        dend = np.full((ms, voltages), -7000, np.int16)
        fast, slow, inhibition, refractory = np.zeros(2), np.zeros(2), np.zeros(2), 0
        for s in range(ms - 1):
            fast = fast * 0.8 + drive[s, :2]
            slow = slow * 0.98 + 0.1 * drive[s, :2]
            inhibition = inhibition * 0.9 + drive[s, 2:]
            u = fast + slow / (1 + np.exp(-(slow - 2))) - inhibition
            dend[s + 1] = np.resize(np.int16(100 * np.minimum(slow, 30) - 7000), voltages)
            target = -71 + 4 * u[0] + 3 * u[1]
            v[s + 1] = v[s] + 0.1 * (target - v[s])
            if v[s + 1] > -56 and refractory <= 0:
                peaks.append(s + 1.5 + rng.random() * 0.9)
                v[s + 1], refractory = 20.0, 5
            elif refractory > 0:
                v[s + 1], refractory = max(v[s + 1], -60) if refractory > 3 else -65.0, refractory - 1
        d = dict(in_channel=c.astype(np.int16), in_t_ms=t.astype(np.int16), spike_ms=np.array(peaks), upcross_ms=np.array(peaks),
                 v_soma_mv=v, T_ms=ms)
        if weighted:
            d["in_weight"] = w
        if voltages:
            d["v_dend_10uv"] = dend
        np.savez(os.path.join(folder, f"trial_{k:06d}.npz"), **d)
