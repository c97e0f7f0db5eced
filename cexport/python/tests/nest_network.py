"""One network twice: in NEST, and by hand on an understudy.Population, for comparison."""

from typing import NamedTuple

import nest
import numpy as np

import understudy
import understudy.nest

TICKS = 10  # a ms, so that times and delays are whole numbers


class Network(NamedTuple):
    """Neurons of one model, connections between them, and events from outside; times in ticks of 0.1 ms."""

    model: str
    n: int
    connections: dict  # pre, post, channel, weight, delay: arrays
    inputs: dict  # time (of arrival), neuron, channel, weight: arrays


def random_network(model, channels: int, n: int = 30, ms: int = 300, grid: int = 1, least: int = 1, seed: int = 1) -> Network:
    """Delays and input times are multiples of `grid` ticks, delays at least `least` of these."""
    rng = np.random.default_rng(seed)
    c, m = 12 * n, n * ms
    connections = {"pre": rng.integers(0, n, c), "post": rng.integers(0, n, c), "channel": rng.integers(0, channels, c),
                   "weight": rng.uniform(0.1, 2, c).astype(np.float32), "delay": grid * rng.integers(least, 50 // grid + 1, c)}
    inputs = {"time": grid * rng.integers(least + 1, ms * TICKS // grid, m), "neuron": rng.integers(0, n, m),
              "channel": rng.integers(0, channels, m), "weight": rng.uniform(0, 1, m).astype(np.float32)}
    return Network(str(model), n, connections, inputs)


def start(threads: int = 1, resolution: float = 0.1) -> None:
    """An empty kernel with the model."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.SetKernelStatus({"local_num_threads": threads, "resolution": resolution})
    understudy.nest.install()


def feed(neurons, inputs: dict, delay: int) -> None:
    """Events from spike generators, one for each neuron and channel, over connections of that delay [ticks]."""
    keys = np.stack([inputs["neuron"], inputs["channel"]], axis=1)
    for neuron, channel in np.unique(keys, axis=0):
        chosen = (keys == (neuron, channel)).all(axis=1)
        order = np.argsort(inputs["time"][chosen], kind="stable")
        generator = nest.Create("spike_generator", params={
            "spike_times": (inputs["time"][chosen][order] - delay) / TICKS, "spike_weights": inputs["weight"][chosen][order].astype(float)})
        nest.Connect(generator, neurons[int(neuron)], syn_spec={"delay": delay / TICKS, "receptor_type": int(channel)})


def feed_by_time(neurons, t_ms, neuron, channel, weight) -> None:
    """Events of which there are more channels than times, from a parrot for each time.

    What comes before NEST can deliver it waits, within the first ms.
    """
    h = nest.resolution
    t_ms, ids = np.maximum(t_ms, 3 * h), np.array(neurons.global_id)
    for t in np.unique(t_ms):
        parrot = nest.Create("parrot_neuron")
        nest.Connect(nest.Create("spike_generator", params={"spike_times": [t - 2 * h]}), parrot, syn_spec={"delay": h})
        chosen = t_ms == t
        m = np.count_nonzero(chosen)
        nest.Connect(np.full(m, parrot.global_id), ids[neuron[chosen]], "one_to_one", {
            "weight": weight[chosen].astype(float), "delay": np.full(m, h), "receptor_type": channel[chosen]})


def spikes_of(recorder, neurons, ms: int) -> list:
    """(step, neuron), sorted."""
    first = neurons[0].global_id
    assert all(t == round(t) for t in recorder.events["times"])
    return sorted((round(t) - 1, int(i) - first) for t, i in zip(recorder.events["times"], recorder.events["senders"]) if t <= ms)


def connect(neurons, c: dict) -> None:
    ids = np.array(neurons.global_id)
    nest.Connect(ids[c["pre"]], ids[c["post"]], "one_to_one", {
        "synapse_model": "static_synapse", "weight": c["weight"].astype(float), "delay": c["delay"] / TICKS, "receptor_type": c["channel"]})


def in_nest(network: Network, ms: int, *, threads: int = 1, resolution: float = 0.1, pieces: int = 1, meter: bool = True, **parameters):
    """Spikes [(step, neuron)], sorted, and V_m [ms, n]; without a meter, which slows the neurons' update down, None."""
    start(threads, resolution)
    neurons = nest.Create("understudy", network.n, {"model": network.model, **parameters})
    connect(neurons, network.connections)
    least = int(network.connections["delay"].min())
    feed(neurons, network.inputs, least)
    as_late = {"delay": least / TICKS}  # so that recording does not make slices shorter
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder, syn_spec=as_late)
    if meter:
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
        nest.Connect(meter, neurons, syn_spec=as_late)
    steps = round(ms / resolution)
    ends = [steps * (i + 1) // pieces for i in range(pieces)]
    for begin, end in zip([0, *ends], ends):
        nest.Simulate((end - begin) * resolution)
    nest.Simulate(nest.min_delay)  # recorders lag behind by a slice
    if not meter:
        return spikes_of(recorder, neurons, ms), None
    events = meter.events
    v = np.full((ms, network.n), np.nan)
    seen = events["times"] <= ms
    v[np.round(events["times"][seen]).astype(int) - 1, events["senders"][seen] - neurons[0].global_id] = events["V_m"][seen]
    return spikes_of(recorder, neurons, ms), v


def by_hand(network: Network, ms: int, **options):
    """The same by plugin/network's rule: a spike of step k leaves at k+1 ms and arrives in step int(k+1+delay)."""
    c, inputs = network.connections, network.inputs
    waiting = [[] for _ in range(ms + 100)]
    for t, *event in zip(inputs["time"], inputs["neuron"], inputs["channel"], inputs["weight"]):
        waiting[t // TICKS].append(event)
    spikes, v = [], np.empty((ms, network.n))
    with understudy.Population(network.model, network.n, **options) as population:
        for k in range(ms):
            neuron, channel, weight = zip(*waiting[k]) if waiting[k] else ((), (), ())
            out = population.step(1, understudy.events(k, np.array(neuron, int), np.array(channel, int), np.array(weight, np.float32)))
            v[k] = out.v_soma_mv[0]
            for i in np.flatnonzero(out.spike[0]):
                spikes.append((k, int(i)))
                for j in np.flatnonzero(c["pre"] == i):
                    waiting[((k + 1) * TICKS + c["delay"][j]) // TICKS].append((c["post"][j], c["channel"][j], c["weight"][j]))
    return spikes, v
