"""Surrogates of a layer-5 pyramidal cell and point neurons in one NEST network: python nest_tutorial.py [MODEL.safetensors]

With PyPI's nest-simulator, and a model: one of your own, or plugin/model/builtin/l5pc.safetensors of the sources.
"""

import sys

import nest
import numpy as np

import understudy.nest

model = sys.argv[1] if len(sys.argv) > 1 else "l5pc.safetensors"
rng = np.random.default_rng(1)

understudy.nest.install()  # compiles the adapter when it is used for the first time; again after nest.ResetKernel()
nest.local_num_threads = 2

# Twenty surrogates, each with 1,278 synapses ("channels"): the first half excite, the rest inhibit.
pyramidal = nest.Create("understudy", 20, {"model": model})
channels = pyramidal[0].channels
excitatory = channels // 2
basket = nest.Create("iaf_psc_exp", 5)

# Background: presynaptic cells that fire at 30 Hz onto 300 excitatory and 100 inhibitory synapses of each surrogate.
background = nest.Create("poisson_generator", params={"rate": 30.0})
receptors = np.concatenate([np.concatenate([rng.choice(excitatory, 300, replace=False), excitatory + rng.choice(channels - excitatory, 100, replace=False)])
                            for _ in pyramidal])
post = np.repeat(pyramidal.global_id, 400)
nest.Connect(np.full(post.size, background.global_id), post, "one_to_one",
             {"weight": np.ones(post.size), "delay": np.ones(post.size), "receptor_type": receptors})

# The surrogates excite the basket cells ...
nest.Connect(pyramidal, basket, syn_spec={"weight": 400.0, "delay": 1.5})
# ... which inhibit them, each through 20 synapses. The weight counts presynaptic spikes: 1 is one.
for cell in pyramidal:
    for channel in rng.integers(excitatory, channels, 20):
        nest.Connect(basket, cell, syn_spec={"weight": 1.0, "delay": 0.8, "receptor_type": int(channel)})
# Surrogates excite each other through synapses that learn.
nest.Connect(pyramidal, pyramidal, {"rule": "fixed_indegree", "indegree": 5},
             {"synapse_model": "stdp_synapse", "weight": 1.0, "Wmax": 2.0, "delay": 2.0, "receptor_type": 3})

spikes = nest.Create("spike_recorder")
nest.Connect(pyramidal + basket, spikes)
meter = nest.Create("multimeter", params={"record_from": ["V_m", "p_spike"], "interval": 1.0})
nest.Connect(meter, pyramidal[0])  # the value at t = k+1 ms is the voltage at k ms

nest.Simulate(400.0)

of_pyramidal = np.isin(spikes.events["senders"], pyramidal.global_id)
v = meter.events["V_m"]
print(f"{of_pyramidal.sum()} spikes of surrogates, {(~of_pyramidal).sum()} of basket cells in 400 ms")
print(f"surrogate 0 was between {v.min():.1f} and {v.max():.1f} mV")
weights = np.array(nest.GetConnections(pyramidal, pyramidal).weight)
print(f"synapses between surrogates have weights from {weights.min():.3f} to {weights.max():.3f}")
seen = understudy.nest.input_range(pyramidal)
print(f"input outside the training range: {seen.steps_outside} of {seen.steps} steps, {seen.weights_outside} of {seen.events} weights")
