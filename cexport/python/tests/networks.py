"""Small networks of surrogates, to be run by every host: the connections, the input, and the spikes there must be."""

import pathlib
import subprocess

import numpy as np

import understudy

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODEL = ROOT / "plugin/model/builtin/l5pc-paper-small.safetensors"
EXCITATORY, CHANNELS = 639, 1278


def ring(n: int = 200, duration: int = 300) -> dict:
    """Each neuron's spike excites the next one through 80 synapses; the first is kicked at 5 ms."""
    rng = np.random.default_rng(1)
    pre = np.repeat(np.arange(n), 80)
    return {"neurons": n, "duration_ms": duration, "pre": pre, "post": (pre + 1) % n, "channel": rng.integers(0, EXCITATORY, pre.size),
            "weight": np.full(pre.size, 4.0), "delay_ms": np.ones(pre.size),
            "in_t_ms": np.full(80, 5.0), "in_neuron": np.zeros(80, int), "in_channel": rng.integers(0, EXCITATORY, 80), "in_weight": np.full(80, 4.0)}


def balanced(n: int = 200, duration: int = 200) -> dict:
    """Four fifths of the neurons excite, the rest inhibit, with delays of quarters of a ms; a random background.

    Half of the background arrives on the whole ms, where it belongs to the step that begins.
    """
    rng = np.random.default_rng(5)
    pre = np.repeat(np.arange(n), 60)
    channel = np.where(pre < 0.8 * n, rng.integers(0, EXCITATORY, pre.size), rng.integers(EXCITATORY, CHANNELS, pre.size))
    e, i = rng.poisson(7.3 * duration * n), rng.poisson(2.2 * duration * n)
    return {"neurons": n, "duration_ms": duration, "pre": pre, "post": rng.integers(0, n, pre.size), "channel": channel,
            "weight": np.ones(pre.size), "delay_ms": np.round(rng.uniform(1, 5, pre.size) * 4) / 4,
            "in_t_ms": np.round(rng.uniform(0, duration, e + i) * 2) / 2, "in_neuron": rng.integers(0, n, e + i),
            "in_channel": np.concatenate([rng.integers(0, EXCITATORY, e), rng.integers(EXCITATORY, CHANNELS, i)]), "in_weight": np.ones(e + i)}


def spikes(net: dict, **options) -> list[tuple[int, int]]:
    """(step, neuron) of each spike, sorted, by the library alone: a spike of step k comes to its targets at k + 1 + delay."""
    n, duration = net["neurons"], net["duration_ms"]
    waiting: list[list] = [[] for _ in range(duration)]
    step = np.floor(net["in_t_ms"]).astype(int)
    for t, *event in zip(step, net["in_neuron"], net["in_channel"], net["in_weight"], strict=True):
        if t < duration:
            waiting[t].append(event)
    leaving: list[list] = [[] for _ in range(n)]
    for pre, *contact in zip(*(net[k] for k in ("pre", "post", "channel", "weight", "delay_ms")), strict=True):
        leaving[pre].append(contact)
    out = []
    with understudy.Population(MODEL, n, **options) as pop:
        for k in range(duration):
            neuron, channel, weight = (np.array(x) for x in zip(*waiting[k], strict=True)) if waiting[k] else ([], [], [])
            fired = pop.step(1, understudy.events(np.full(len(neuron), float(k)), neuron, channel, weight)).spike[0]
            for pre in np.flatnonzero(fired):
                out.append((k, int(pre)))
                for post, channel, weight, delay in leaving[pre]:
                    t = int(np.floor(k + 1 + delay))
                    if t < duration:
                        waiting[t].append((post, channel, weight))
    return out


def command(net: pathlib.Path, folder: pathlib.Path) -> list[tuple[int, int]]:
    """The same by `understudy network`, of a network in a file."""
    z = np.load(net)
    out = folder / "command.npz"
    subprocess.run([ROOT / "build/understudy", "network", "--model", MODEL, "--neurons", str(z["neurons"]), "--duration", str(z["duration_ms"]),
                    "--connections", net, "--input", net, "--out", out], check=True)
    z = np.load(out)
    return list(zip(z["spike_step"].tolist(), z["spike_neuron"].tolist(), strict=True))
