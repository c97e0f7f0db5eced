"""Runs the cases of TestSimulators as artificial cells of NEURON."""

import sys

from neuron import h
from table import run

import understudy.neuron as un


def case(model, n, steps, events, options):
    """Its p_spike, v_soma and spikes, each [steps][n]."""
    pop = un.Population(model, n, **options)
    contacts = [(t, pop.connect(None, neuron, channel, weight)) for t, neuron, channel, weight in events]
    times, neurons = pop.record_spikes()
    v = [h.Vector().record(cell._ref_v_soma, 0.5) for cell in pop]
    p = [h.Vector().record(cell._ref_p_spike, 0.5) for cell in pop]
    h.finitialize(-65)
    for t, contact in contacts:
        contact.event(t)
    h.ParallelContext().psolve(steps + 0.7)
    # Sample 2k+3, at k+1.5 ms, is of step k; a spike of step k leaves at k+1.
    return [x.to_python()[3::2] for x in p], [x.to_python()[3::2] for x in v], [(t - 1, i) for t, i in zip(times, neurons)]


h.ParallelContext().set_maxstep(10)
sys.exit(run(sys.argv[1], case))
