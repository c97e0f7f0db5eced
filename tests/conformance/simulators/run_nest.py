"""Runs the cases of TestSimulators as nodes of NEST."""

import collections
import sys

import nest
import numpy as np
from table import run

import understudy.nest


def case(model, n, steps, events, options):
    """Its p_spike, v_soma and spikes, each [n][steps] and (step, neuron)."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = 2
    understudy.nest.install()
    seed = options["seed"] - (1 << 64 if options["seed"] >> 63 else 0)  # NEST's integers have a sign
    nodes = nest.Create("understudy", n, {"model": model, **options, "seed": seed})
    received = collections.defaultdict(list)
    for t, neuron, channel, weight in events:
        received[neuron, channel].append((int(t + 1e-6), weight))  # NEST's times are whole steps of the resolution
    for (neuron, channel), got in received.items():
        at, weights = zip(*sorted(got))
        generator = nest.Create("spike_generator", params={"spike_times": np.array(at) + 0.5, "spike_weights": np.array(weights)})
        nest.Connect(generator, nodes[neuron], syn_spec={"delay": 0.1, "receptor_type": channel})
    recorder = nest.Create("spike_recorder")
    nest.Connect(nodes, recorder)
    meter = nest.Create("multimeter", params={"record_from": ["p_spike", "V_m"], "interval": 1.0})
    nest.Connect(meter, nodes)
    nest.Simulate(steps + 0.5)  # a recorder lags behind
    order = np.lexsort((meter.events["times"], meter.events["senders"]))
    p, v = (np.asarray(meter.events[name])[order].reshape(n, steps) for name in ("p_spike", "V_m"))
    return p, v, [(round(t) - 1, i - 1) for t, i in zip(recorder.events["times"], recorder.events["senders"])]


sys.exit(run(sys.argv[1], case))
