"""You will learn to run a surrogate, to see how far it follows the detailed neuron that it
stands in for, and to connect surrogates to a network.

    python tutorial.py surrogate.safetensors
"""

import sys

import numpy as np

import understudy

# A surrogate is a file; this one stands in for the layer-5 pyramidal cell that is built in.
model = understudy.load_model(sys.argv[1])
print(model)

# Input: synaptic events, each with a time [ms], a neuron, a channel and a weight. The channels
# are the excitatory synapses, one on each segment of the dendrite, then the inhibitory ones.
rng = np.random.default_rng(1)
MS, N, HALF = 1000, 20, model.info["channels"] // 2


def background(neurons, per_ms=(8.0, 4.2)):
    """Excitatory and inhibitory events at random, so many per neuron and ms."""
    parts = []
    for first, rate in zip((0, HALF), per_ms):
        count = rng.poisson(rate * MS * neurons)
        parts.append(understudy.events(rng.uniform(0, MS, count), rng.integers(0, neurons, count), first + rng.integers(0, HALF, count)))
    return np.concatenate(parts)


# One neuron, as a surrogate and in detail, on the same input. Both are stepped in ms; how many
# at once makes no difference to the result.
events = background(1)
with understudy.Population(model, 1) as surrogate, understudy.Cell("l5pc") as detailed:
    a, b = surrogate.step(MS, events), detailed.step(MS, events)
    error = np.sqrt(np.mean((a.v_soma_mv - b.v_soma_mv)[100:] ** 2))
    print(f"one neuron: {a.spike.sum()} spikes, in detail {b.spike.sum()}; voltages differ by {error:.1f} mV")
    # What lies outside the range of the training is computed too, but was never checked.
    print(f"ms outside the training range: {surrogate.input_range().steps_outside} of {MS}")

# A network: each neuron excites three others, 5 ms after its spike, through 20 synapses each. A
# spike of step k leaves at k+1 ms, so the network is stepped 1 ms at a time.
DELAY, SYNAPSES = 5, 20
targets = rng.integers(0, N, (N, 3))
events = np.sort(background(N), order="t_ms")
waiting = [[e] for e in np.split(events, np.searchsorted(events["t_ms"], np.arange(1, MS)))]  # by step
waiting += [[] for _ in range(DELAY + 1)]  # spikes of the last steps arrive after the end
spikes = np.zeros((MS, N), bool)
with understudy.Population(model, N) as network:
    for k in range(MS):
        spikes[k] = network.step(1, np.concatenate(waiting[k])).spike[0]
        for neuron in np.flatnonzero(spikes[k]):
            at, to = k + 1 + DELAY, np.repeat(targets[neuron], SYNAPSES)
            waiting[at].append(understudy.events(at, to, rng.integers(0, HALF, to.size)))
print(f"network: {spikes.sum()} spikes of {N} neurons, {1000 * spikes.sum() / N / MS:.1f} Hz")
