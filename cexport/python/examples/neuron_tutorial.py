"""A detailed NEURON cell and surrogates in one network: python neuron_tutorial.py [MODEL.safetensors]

With PyPI's neuron, and a model: one of your own, or plugin/model/builtin/l5pc.safetensors of the sources.
"""

import sys

import numpy as np
from neuron import h

import understudy
import understudy.neuron as un

rng = np.random.default_rng(1)
h.load_file("stdrun.hoc")

# Twenty surrogates of a layer-5 pyramidal cell, each with 1,278 synapses ("channels").
surrogates = un.Population(sys.argv[1] if len(sys.argv) > 1 else "l5pc.safetensors", 20)
excitatory = surrogates.channels // 2

# Background: to each on average 9 excitatory and 3 inhibitory presynaptic spikes a ms.
n, duration = len(surrogates), 400.0
e, i = rng.poisson(9 * duration * n), rng.poisson(3 * duration * n)
channel = np.concatenate([rng.integers(0, excitatory, e), rng.integers(excitatory, surrogates.channels, i)])
surrogates.play(understudy.events(rng.uniform(0, duration, e + i), rng.integers(0, n, e + i), channel))

# A detailed cell of NEURON, which every surrogate excites ...
soma = h.Section(name="soma")
soma.L = soma.diam = 20
soma.insert("hh")
synapse = h.ExpSyn(soma(0.5))
connections = [h.NetCon(cell, synapse, 0, 1.0, 0.02) for cell in surrogates]  # threshold, delay, weight

# ... and which inhibits each of them through 20 synapses.
for k in range(n):
    for channel in rng.integers(excitatory, surrogates.channels, 20):
        nc = h.NetCon(soma(0.5)._ref_v, surrogates[k], 0, 1.5, 1.0, sec=soma)
        nc.weight[1] = channel  # weight[0], 1 here, is the number of presynaptic spikes that it counts for
        connections.append(nc)

times, neurons = surrogates.record_spikes()
v_surrogate = h.Vector().record(surrogates[0]._ref_v_soma, 0.5)  # entry 2k+3 is the voltage at k ms
v_detailed = h.Vector().record(soma(0.5)._ref_v)

h.finitialize(-65)
h.continuerun(duration)

print(f"{len(times)} spikes of surrogates in {duration:g} ms, {len(times) / n / duration * 1000:.1f} Hz each")
print(f"surrogate 0 was between {v_surrogate.min(3, len(v_surrogate) - 1):.1f} and {v_surrogate.max(3, len(v_surrogate) - 1):.1f} mV")
print(f"the detailed cell was between {v_detailed.min():.1f} and {v_detailed.max():.1f} mV")
print(f"input outside the training range: {surrogates.input_range().steps_outside} of {surrogates.input_range().steps} steps")
