"""The NEST adapter, understudy.nest, against populations stepped by hand. `make test-nest` runs it."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

nest = pytest.importorskip("nest", reason="this Python has no NEST; `make test-nest` uses one that has")

import understudy
import understudy.nest
import networks as networks_of_all
from nest_network import TICKS, by_hand, connect, feed_by_time, in_nest, random_network, spikes_of, start
from small_model import write_small_model

ROOT = pathlib.Path(__file__).resolve().parents[3]
L5PC = ROOT / "plugin" / "model" / "builtin" / "l5pc.safetensors"
QUANTISED = ROOT / "plugin" / "surrogate" / "testdata" / "int8.safetensors"
CHANNELS, MS = 12, 300


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("nest") / "small.safetensors"
    write_small_model(path, CHANNELS)
    return str(path)


@pytest.fixture(scope="session")
def networks(model):
    """By the grid of their times in ticks: the network and what it does."""
    made = {}
    for grid in (1, 10):
        network = random_network(model, CHANNELS, ms=MS, grid=grid)
        made[grid] = network, by_hand(network, MS)
        assert 300 < len(made[grid][1][0]) < MS * network.n / 3  # it spikes, and not always
    return made


def assert_same(got, want):
    assert got[0] == want[0]
    np.testing.assert_array_equal(got[1], want[1].astype(np.float32))


@pytest.mark.parametrize("pieces", [1, 46])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_is_the_network_by_hand(networks, threads, batched, pieces):
    # Delays from 0.1 ms on, and calls of Simulate that end within a step.
    network, want = networks[1]
    assert_same(in_nest(network, MS, threads=threads, batched=batched, pieces=pieces), want)


@pytest.mark.parametrize("meter", [True, False])
@pytest.mark.parametrize("pieces", [1, 46])
def test_slices_of_several_steps(model, pieces, meter):
    network = random_network(model, CHANNELS, ms=MS, least=37)  # the smallest delay is 3.7 ms, so is a slice
    want = by_hand(network, MS)
    spikes, v = in_nest(network, MS, threads=2, pieces=pieces, meter=meter)
    assert nest.min_delay == 3.7 and len(want[0]) > 300
    assert_same((spikes, v if meter else want[1].astype(np.float32)), want)


@pytest.mark.parametrize("resolution", [0.1, 0.2, 0.5, 1.0])
def test_any_resolution_that_divides_a_ms(networks, resolution):
    network, want = networks[10]
    assert_same(in_nest(network, MS, resolution=resolution, threads=2, pieces=46), want)


def test_precisions(networks):
    small = networks[10][0]
    network = small._replace(model=str(QUANTISED), connections={**small.connections, "channel": small.connections["channel"] % 6},
                             inputs={**small.inputs, "channel": small.inputs["channel"] % 6})
    for precision in ("int8", "bf16"):
        assert_same(in_nest(network, MS, precision=precision, kernel="reference"), by_hand(network, MS, precision=precision, kernel="reference"))


def test_the_built_in_surrogate():
    n, ms, m = 5, 200, 14 * 5 * 200
    network, rng = random_network(L5PC, 1278, n=n, ms=ms, grid=10), np.random.default_rng(2)
    inputs = {"time": TICKS * rng.integers(0, ms, m) + 5, "neuron": rng.integers(0, n, m), "weight": np.ones(m),
              "channel": np.where(rng.random(m) < 0.8, rng.integers(0, 639, m), rng.integers(639, 1278, m))}
    want = by_hand(network._replace(inputs=inputs), ms)[0]
    start(2)
    neurons, recorder = nest.Create("understudy", n, {"model": str(L5PC)}), nest.Create("spike_recorder")
    assert neurons.channels == (1278,) * n
    connect(neurons, network.connections)
    feed_by_time(neurons, inputs["time"] / TICKS, inputs["neuron"], inputs["channel"], inputs["weight"])
    nest.Connect(neurons, recorder)
    nest.Simulate(ms + 1)
    assert len(want) > 0 and spikes_of(recorder, neurons, ms) == want


@pytest.mark.skipif(not (networks_of_all.ROOT / "build" / "understudy").exists() and os.environ.get("UNDERSTUDY_REQUIRE") != "all",
                    reason="the command is not built: `make build`")
@pytest.mark.parametrize("name", ["ring", "balanced"])
def test_networks_that_every_host_runs(tmp_path, name):
    net = getattr(networks_of_all, name)()
    np.savez(tmp_path / "net.npz", **net)
    want = networks_of_all.spikes(net)
    assert networks_of_all.command(tmp_path / "net.npz", tmp_path) == want
    start(2, 0.25)
    neurons, recorder = nest.Create("understudy", net["neurons"], {"model": str(networks_of_all.MODEL)}), nest.Create("spike_recorder")
    connect(neurons, {**net, "delay": net["delay_ms"] * TICKS})
    feed_by_time(neurons, net["in_t_ms"], net["in_neuron"], net["in_channel"], net["in_weight"])
    nest.Connect(neurons, recorder)
    nest.Simulate(net["duration_ms"] + 1)
    assert len(want) > 50 and spikes_of(recorder, neurons, net["duration_ms"]) == want


def kicked(model, times, n=1, **parameters):
    """Neurons that spike soon after each of these times [ms]."""
    neurons = nest.Create("understudy", n, {"model": model, **parameters})
    generator = nest.Create("spike_generator", params={"spike_times": times})
    nest.Connect(generator, neurons, syn_spec={"weight": 20.0, "delay": 1.0})
    return neurons


def test_multimeter_and_status(model):
    start()
    neuron = kicked(model, [3.4, 8.0])
    assert np.isnan(neuron.V_m) and np.isnan(neuron.p_spike)
    meter = nest.Create("multimeter", params={"record_from": ["V_m", "p_spike"], "interval": 0.1})
    nest.Connect(meter, neuron)
    nest.Simulate(20.5)
    out = understudy.Population(model, 1).step(20, understudy.events([4.4, 9.0], 0, 0, 20))
    times = np.round(meter.events["times"] * TICKS).astype(int)
    assert times[0] == 1 and times[-1] >= 195 and (np.diff(times) == 1).all()
    known = times >= TICKS  # the value at time t is that of the last step that has ended by t
    for name, values in (("V_m", out.v_soma_mv), ("p_spike", out.p_spike)):
        got = meter.events[name]
        assert np.isnan(got[~known]).all()
        np.testing.assert_array_equal(got[known], values[times[known] // TICKS - 1, 0])
        assert neuron.get(name) == values[19, 0]


def test_input_range(model):
    start(2)
    neurons = kicked(model, [2.0, 3.0], 6)
    with pytest.raises(ValueError, match="node 1 has no input yet"):
        understudy.nest.input_range(neurons)
    nest.Simulate(10)
    assert understudy.nest.input_range(neurons) == understudy.InputRange(
        known=True, steps=60, steps_outside=0, events=12, weights_outside=12, max_events_per_ms=1, min_weight=20, max_weight=20)


def test_tutorial():
    p = subprocess.run([sys.executable, ROOT / "cexport" / "python" / "examples" / "nest_tutorial.py", L5PC], capture_output=True, text=True, timeout=600,
                       env={**os.environ, "PYTHONPATH": str(ROOT / "cexport" / "python")})
    assert p.returncode == 0, p.stderr
    spikes = re.search(r"(\d+) spikes of surrogates, (\d+) of basket cells", p.stdout)
    assert int(spikes[1]) > 10 and int(spikes[2]) > 10
    assert "outside the training range: 0 of 8000 steps" in p.stdout, p.stdout


def test_an_event_counts_as_often_as_it_came(model):
    # A generator may send several spikes as one event.
    start()
    neuron = nest.Create("understudy", 1, {"model": model})
    generator = nest.Create("spike_generator", params={"spike_times": [2.0], "spike_multiplicities": [3]})
    nest.Connect(generator, neuron, syn_spec={"weight": 0.3, "delay": 1.0, "receptor_type": 2})
    nest.Simulate(5)
    out = understudy.Population(model, 1).step(5, understudy.events([3.0] * 3, 0, 2, 0.3))
    assert neuron.V_m == out.v_soma_mv[4, 0] != understudy.Population(model, 1).step(5).v_soma_mv[4, 0]


def test_stdp(model):
    # The weight is that of a synapse onto a parrot that repeats the neuron's spikes.
    start()
    post, recorder = kicked(model, [5.0, 25.0, 50.0, 80.0]), nest.Create("spike_recorder")
    nest.Connect(post, recorder)
    nest.Simulate(100)
    spikes = recorder.events["times"]
    assert len(spikes) >= 4

    start()
    post, twin, pre = kicked(model, [5.0, 25.0, 50.0, 80.0]), nest.Create("parrot_neuron"), nest.Create("parrot_neuron")
    nest.Connect(nest.Create("spike_generator", params={"spike_times": spikes - 1}), twin, syn_spec={"delay": 1.0})
    nest.Connect(nest.Create("spike_generator", params={"spike_times": [2.0, 22.0, 55.0, 79.0, 95.0]}), pre, syn_spec={"delay": 1.0})
    for target, port in ((post, 1), (twin, 1)):
        nest.Connect(pre, target, syn_spec={"synapse_model": "stdp_synapse", "weight": 0.01, "delay": 1.0, "receptor_type": port})
    nest.Simulate(100)
    weights = [nest.GetConnections(pre, target).weight for target in (post, twin)]
    assert weights[0] == weights[1] != 0.01


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_sampled_spikes(networks, threads, batched):
    # Drawn by (seed, node ID - 1, step), whatever the thread.
    network = networks[10][0]
    want = by_hand(network, MS, spikes="sample", seed=3)
    assert len(want[0]) > 300 and want[0] != networks[10][1][0]
    assert_same(in_nest(network, MS, threads=threads, batched=batched, pieces=3, spikes="sample", seed=3), want)


def test_reset_kernel(model, networks):
    network, want = networks[10]
    for _ in range(3):
        assert_same(in_nest(network, MS, threads=2), want)


def test_reset_kernel_frees_the_populations(tmp_path):
    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    path = tmp_path / "long.safetensors"
    write_small_model(path, CHANNELS, width=64, kernel=1000)
    n = 300
    state = n * understudy.Population(path, 1).state_bytes
    assert state > 50e6
    before = resident()
    for _ in range(12):
        start()
        nest.Create("understudy", n, {"model": str(path)})
        nest.Simulate(1)
    start()
    assert resident() - before < 6 * state  # 12 times without it; Go returns memory late


def test_neurons_made_later_start_then(model):
    start(2)
    early = kicked(model, [2.0, 10.0], 3)
    nest.Simulate(6.3)
    late = kicked(model, [10.0], 3)
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
    nest.Connect(meter, early + late)
    nest.Simulate(14.7)
    events = meter.events
    last = np.floor(events["times"]) == 20
    want = (understudy.Population(model, 1).step(20, understudy.events([3.0, 11.0], 0, 0, 20)).v_soma_mv[-1, 0],
            understudy.Population(model, 1).step(14, understudy.events([5.0], 0, 0, 20)).v_soma_mv[-1, 0])
    got = dict(zip(events["senders"][last], events["V_m"][last]))
    assert [got[i] for i in early.global_id] == [want[0]] * 3
    assert [got[i] for i in late.global_id] == [want[1]] * 3


@pytest.mark.parametrize("all_of_them", [False, True])
def test_frozen_neurons_are_deaf_and_silent(model, all_of_them):
    start()
    times = [2.0, 10.0, 20.0, 30.0]
    neurons, recorder = kicked(model, times, 2), nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(8)
    frozen = neurons if all_of_them else neurons[0]
    frozen.frozen = True
    nest.Simulate(17)
    assert neurons[0].V_m == understudy.Population(model, 1).step(8, understudy.events(3.0, 0, 0, 20)).v_soma_mv[-1, 0]
    frozen.frozen = False
    nest.Simulate(20)

    def steps(times):
        return np.flatnonzero(understudy.Population(model, 1).step(44, understudy.events(times, 0, 0, 20)).spike[:, 0]) + 1

    for i, deaf in ((0, True), (1, all_of_them)):
        got = recorder.events["times"][recorder.events["senders"] == neurons[i].global_id]
        want = steps([3.0, 31.0] if deaf else [3.0, 11.0, 21.0, 31.0])
        np.testing.assert_array_equal(got[got <= 44], want[(want <= 8) | (want > 25)] if deaf else want)


def test_ignore_and_spike(model):
    # NEST's own way to make any neuron spike at intervals.
    start()
    neuron, recorder = kicked(model, [2.0, 10.0]), nest.Create("spike_recorder")
    neuron.set(ignore_and_spike=True, ignore_and_spike_offset=3.5, ignore_and_spike_interval=5.0)
    nest.Connect(neuron, recorder)
    nest.Simulate(20)
    assert recorder.events["times"].tolist() == [3.5, 8.5, 13.5, 18.5]


def test_models_of_ones_own(model):
    start()
    nest.CopyModel("understudy", "mine", {"model": os.path.relpath(model), "batched": False})
    neurons = nest.Create("mine", 2)
    assert neurons.get("channels") == (CHANNELS,) * 2 and neurons.get("batched") == (False,) * 2
    nest.SetDefaults("understudy", {"model": model})
    assert os.path.samefile(nest.Create("understudy").model, model)
    nest.Simulate(3)
    for path in {neurons[0].model}:
        assert os.path.isabs(path) and os.path.samefile(path, model)


def test_a_balanced_network_of_1000_neurons(model):
    start(2)
    excitatory, inhibitory = nest.Create("understudy", 800, {"model": model}), nest.Create("understudy", 200, {"model": model})
    everyone = excitatory + inhibitory
    drive = nest.Create("poisson_generator", params={"rate": 300.0})
    nest.Connect(drive, everyone, syn_spec={"weight": 1.0, "delay": 1.5})
    for source, channel, k, weight in ((excitatory, 1, 40, 0.1), (inhibitory, CHANNELS - 1, 10, 1.0)):
        nest.Connect(source, everyone, {"rule": "fixed_indegree", "indegree": k},
                     {"weight": weight, "delay": nest.random.uniform(0.5, 3.0), "receptor_type": channel})
    recorder = nest.Create("spike_recorder")
    nest.Connect(everyone, recorder)
    nest.Simulate(300)
    rate = recorder.n_events / 1000 / 0.3
    assert 20 < rate < 120, rate
