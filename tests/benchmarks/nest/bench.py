"""What a surrogate costs in NEST beyond its kernels, beside NEST's own neurons: `make bench-nest`, see README.md."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import nest
import numpy as np
from adapters import CHANNELS, INPUTS, arguments, measure

import understudy.nest


def run(a, model: str, parameters: dict, delay: float, events: bool) -> float:
    """CPU seconds of Simulate."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    if model == "understudy":
        understudy.nest.install()
    neurons = nest.Create(model, a.neurons, parameters)
    # A connection elsewhere sets the smallest delay, which is the length of a slice.
    parrot = nest.Create("parrot_neuron")
    nest.Connect(parrot, parrot, syn_spec={"delay": delay})
    if events:
        generator = nest.Create("spike_generator", params={"spike_times": np.arange(1.0, a.warm + a.ms)})
        for channel in range(CHANNELS):
            to = {"receptor_type": channel} if model == "understudy" else {}
            nest.Connect(generator, neurons, syn_spec={"weight": 1e-3, "delay": 1.0, **to})
    nest.Simulate(a.warm)
    start = time.process_time()
    nest.Simulate(a.ms)
    return time.process_time() - start


def main() -> None:
    a = arguments(__doc__, warm=100, repeats=5)
    understudy.nest.build()  # on any core
    measure(a, f"NEST {nest.__version__}",
            {f"{title}, slices of {delay:g} ms": (delay, events) for title, events in INPUTS.items() for delay in (1.0, 0.1)},
            {peer: lambda delay, events, peer=peer: run(a, peer, {}, delay, events) for peer in ("iaf_psc_delta", "iaf_psc_exp")},
            lambda path, delay, events: run(a, "understudy", {"model": path}, delay, events))


if __name__ == "__main__":
    main()
