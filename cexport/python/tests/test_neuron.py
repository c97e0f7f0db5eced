"""The adapter for NEURON 9, in real NEURON; one process each, as NEURON has one model per process."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import networks

HERE = pathlib.Path(__file__).resolve().parent
pytest.importorskip("neuron", reason="NEURON is not installed")
if not all((networks.ROOT / "build" / name).exists() for name in ("libunderstudy.so.0", "understudy")):
    pytest.skip("libunderstudy or the command is not built: `make build lib`", allow_module_level=True)
NETWORKS = {"ring": networks.ring, "balanced": networks.balanced}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Of each network its file, and the spikes that the library gives."""
    folder = tmp_path_factory.mktemp("networks")
    out = {}
    for name, make in NETWORKS.items():
        np.savez(folder / f"{name}.npz", **make())
        out[name] = folder / f"{name}.npz", networks.spikes(make())
        assert len(out[name][1]) > 50 and len({n for _, n in out[name][1]}) > 30
        assert networks.command(out[name][0], folder) == out[name][1]
    return out


def python(*arguments, before=(), **environment) -> subprocess.CompletedProcess:
    """Runs Python with the package and the tests on its path."""
    path = os.pathsep.join([str(HERE.parent), str(HERE)])
    return subprocess.run([*before, sys.executable, *map(str, arguments)], env=os.environ | {"PYTHONPATH": path} | environment,
                          capture_output=True, text=True, timeout=300, check=False)


def in_neuron(net, out, *options, **where) -> list[tuple[int, int]]:
    """(step, neuron) of each spike of a network in NEURON; neuron_network.py runs it twice."""
    p = python(HERE / "neuron_network.py", networks.MODEL, net, out / "out.npz", *options, **where)
    assert p.returncode == 0, p.stderr + p.stdout
    got = []
    for file in out.glob("out*.npz"):
        z = np.load(file)
        got += zip(z["spike_step"].tolist(), z["spike_neuron"].tolist(), strict=True)
    return sorted(got)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("options", [(), ("--threads", "2"), ("--cvode",), ("--precision", "int8", "--threads", "3"), ("--spikes", "sample", "--threads", "2")],
                         ids=lambda options: "".join(options) or "plain")
def test_spikes_are_the_librarys(known, tmp_path, name, options):
    net, want = known[name]
    if "--precision" in options or "--spikes" in options:
        of = {"--precision": {"precision": "int8"}, "--spikes": {"spikes": "sample", "seed": 3}}[options[0]]
        want = networks.spikes(NETWORKS[name](), **of)
    assert in_neuron(net, tmp_path, *options) == want


@pytest.mark.parametrize("threads", [1, 2])
def test_coreneuron(known, tmp_path, threads):
    for net, want in known.values():
        assert in_neuron(net, tmp_path, "--coreneuron", "--threads", str(threads)) == want


def mpi() -> tuple[str, str] | None:
    """mpiexec and the MPI library that NEURON is to load, of PyPI's mpich or of the system."""
    beside = pathlib.Path(sys.executable).parent
    own = beside.parent / "lib" / "libmpi.so.12"
    if (beside / "mpiexec").exists() and own.exists():
        return str(beside / "mpiexec"), str(own)
    found = shutil.which("mpiexec")
    return (found, os.environ.get("MPI_LIB_NRN_PATH", "")) if found else None


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_mpi(known, tmp_path, processes):
    found = mpi()
    if found is None:
        pytest.skip("mpiexec is not installed: pip install mpich")
    for name, (net, want) in known.items():
        out = tmp_path / name
        out.mkdir()
        where = {"MPI_LIB_NRN_PATH": found[1]} if found[1] else {}
        got = in_neuron(net, out, "--mpi", before=[found[0], "-n", str(processes)], **where)
        assert len(list(out.glob("out.*.npz"))) == processes, "the processes did not find each other"
        assert got == want


@pytest.mark.parametrize("options", [("--split", "77"), ("--split", "77.5", "--threads", "2")], ids=" ".join)
def test_state_is_saved_and_restored(known, tmp_path, options):
    net, want = known["balanced"]
    assert in_neuron(net, tmp_path, *options) == [x for x in want if x[0] >= float(options[1])]


def program(text: str) -> subprocess.CompletedProcess:
    start = f"""
from neuron import h
import numpy as np
import understudy, understudy.neuron as un
pc = h.ParallelContext()
pc.set_maxstep(10)
MODEL = {str(networks.MODEL)!r}

def refused(f, *a, text="", **k):
    try:
        f(*a, **k)
    except Exception as e:
        assert text in str(e), (text, str(e))
    else:
        raise AssertionError("not refused: want " + text)
"""
    return python("-c", start + text)


def runs(text: str) -> str:
    p = program(text)
    assert p.returncode == 0, p.stderr + p.stdout
    return p.stdout


def test_recorded_voltage_and_probability_are_the_librarys():
    runs("""
pop = un.Population(MODEL, 2)
rng = np.random.default_rng(0)
e = understudy.events(rng.uniform(0, 100, 2000).round(1), rng.integers(0, 2, 2000), rng.integers(0, 639, 2000))
pop.play(e)
recorded = [(h.Vector().record(c._ref_v_soma, 0.5), h.Vector().record(c._ref_p_spike, 0.5)) for c in pop]
h.finitialize(-65)
pc.psolve(100.7)
out = understudy.Population(MODEL, 2).step(100, e[e["t_ms"] < 100])
for i, (v, p) in enumerate(recorded):  # sample 2k+3, at k+1.5 ms, is of step k
    assert (np.array(v, np.float32)[3::2] == out.v_soma_mv[:, i]).all()
    assert (np.array(p, np.float32)[3::2] == out.p_spike[:, i]).all()
assert pop.input_range() == understudy.Population(MODEL, 2).input_range()._replace(
    steps=200, events=len(e[e["t_ms"] < 100]), max_events_per_ms=pop.input_range().max_events_per_ms, min_weight=1, max_weight=1)
assert abs(pop[0].p_threshold - pop.info["spike_threshold"]) < 1e-12 and len(pop) == 2 and list(pop)[1].same(pop[1])
""")


def test_events_on_the_boundary_and_a_delay_below_a_step():
    runs("""
# 0.1 and 49 times 0.1 are 4.999999999999999 ms, and belong to step 5; a spike of step k reaches, with a delay of 0, step k+1.
pop = un.Population(MODEL, 2)
clock = h.NetStim(); clock.start, clock.number = 0.1, 1
ncs, chain, seen = [], [clock], h.Vector()
for k in range(48):
    relay = h.IntFire1(); relay.tau = 1e9
    ncs.append(h.NetCon(chain[-1], relay, 0, 0.1, 1.5))
    chain.append(relay)
for c in range(80):
    ncs.append(pop.connect(chain[-1], 0, c, 4.0, 0.1))
ncs.append(h.NetCon(chain[-1], None)); ncs[-1].record(seen)
for c in range(80):
    ncs.append(pop.connect(pop[0], 1, c, 4.0, 0.0))
times, neurons = pop.record_spikes()
h.finitialize(-65)
pc.psolve(60)
assert seen[0] + 0.1 < 5
ref = understudy.Population(MODEL, 2)
ref.step(5)
got = {0: [t for t, i in zip(times, neurons) if i == 0], 1: [t for t, i in zip(times, neurons) if i == 1]}
want = {0: [], 1: []}
pending = understudy.events(5.0, 0, range(80), 4.0)
for k in range(5, 60):
    spike = ref.step(1, pending).spike[0]
    pending = understudy.events(float(k + 1), 1, range(80), 4.0) if spike[0] else None
    for i in np.flatnonzero(spike):
        want[i].append(k + 1.0)
assert want[0] and want[1] and got == want, (got, want)
""")


def test_mixed_network():
    out = runs("""
pop = un.Population(MODEL, 2)
soma = h.Section(name="soma"); soma.L = soma.diam = 20; soma.insert("hh")
stim = h.IClamp(soma(0.5)); stim.delay, stim.dur, stim.amp = 5, 1e9, 0.3
ncs = []
for c in np.random.default_rng(0).integers(0, 639, 160):
    nc = h.NetCon(soma(0.5)._ref_v, pop[0], 0, 1, 2, sec=soma); nc.weight[1] = c; ncs.append(nc)
syn = h.ExpSyn(soma(0.5)); syn.e, syn.tau = -80, 20
back = h.NetCon(pop[0], syn, 0, 1.0, 0.05)
st = h.Vector(); into = h.NetCon(soma(0.5)._ref_v, None, sec=soma); into.record(st)
times, _ = pop.record_spikes()
v = h.Vector().record(pop[0]._ref_v_soma)
h.finitialize(-65); pc.psolve(100)
with_back = list(st)
assert len(times) >= 3 and len(v) == 4001
back.weight[0] = 0
h.finitialize(-65); pc.psolve(100)
assert len(st) > len(with_back) + 3, (list(st), with_back)  # it did inhibit
""")
    assert out == ""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_wrong_event_stops_the_run_and_says_why(threads):
    p = program(f"""
pc.nthread({threads})
pop = un.Population(MODEL, 3)
src = h.NetStim(); src.start, src.number = 10, 1
nc = h.NetCon(src, pop[2]); nc.weight[0], nc.delay = 1, 1
for channel, weight, text in ((5000, 1, "neuron 2: channel 5000"), (5.5, 1, "channel 5.5"), (-1, 1, "channel -1"), (3, float("nan"), "weight nan")):
    nc.weight[1], nc.weight[0] = channel, weight
    h.finitialize(-65)
    if {threads} == 1:
        refused(pc.psolve, 30, text=text)
    else:
        pc.psolve(30)
        assert h.t < 15, h.t
    refused(pop.check, text=text)
nc.weight[1], nc.weight[0] = 5, 1
h.finitialize(-65)
pc.psolve(30)
pop.check()
assert abs(h.t - 30) < 0.1, h.t
""")
    assert p.returncode == 0, p.stderr
    assert "channel 5.5" in p.stderr


def test_what_is_refused():
    runs("""
refused(un.Population, "nowhere.safetensors", 2, text="nowhere.safetensors")
refused(un.Population, MODEL, 0, text="0 neurons")
refused(un.Population, MODEL, -5, text="-5 neurons")
refused(un.Population, MODEL, 2, gids=[1], text="1 gids for 2 neurons")
refused(un.Population, MODEL, 1, gids=[-1], text="number -1")
refused(un.Population, MODEL, 1, precision="f16", text="precision is 'f16'")
pop = un.Population(MODEL, 2)
refused(un.load, ["mods"], text="loaded already")
refused(pop.connect, None, 0, 1278, text="channel 1278")
refused(pop.play, understudy.events(1, 2, 0), text="event 0")
refused(pop.play, understudy.events([1, -1], 0, 0), text="event 1")
refused(pop.play, understudy.events(1, 0, 0, np.nan), text="event 0")
h.finitialize(-65)
pc.psolve(3)
state = pop.save()
other = un.Population(MODEL, 3)
for cut, text in ((b"", "no saved state"), (state[:60], "cut short"), (state + b"x", "longer than it says"),
                  (state[:8] + bytes([9]) + state[9:], "of another population")):
    refused(pop.load, cut, text=text)
h.finitialize(-65)
refused(other.load, state, text="of another population")
pop.load(state)
lone = h.Understudy()
refused(h.finitialize, -65, text="that no population has made")
""")


def test_cells_outlive_their_population():
    runs("""
import gc
pop = un.Population(MODEL, 3)
cell = pop[1]
nc = h.NetCon(None, cell); nc.weight[0], nc.weight[1] = 1, 3
del pop
gc.collect()
h.finitialize(-65); nc.event(2); pc.psolve(10)
assert cell.p_spike > 0
first = un._loaded.models.copy()
assert len(first) == 1
del nc, cell
gc.collect()
un.Population(MODEL, 1)
assert len(un._loaded.models) == 1 and not set(first) & set(un._loaded.models)  # the model is closed
""")


def test_the_mechanism_is_compiled_where_it_is_not(tmp_path):
    for again in ([], ["--again"], []):
        p = python("-m", "understudy.neuron", "build", *again, UNDERSTUDY_CACHE=str(tmp_path))
        assert p.returncode == 0, p.stderr
        assert pathlib.Path(p.stdout.removeprefix("mechanism ").strip()).exists()
    (tmp_path / "mine").mkdir()
    p = python("-m", "understudy.neuron", "build", tmp_path / "mine", UNDERSTUDY_CACHE=str(tmp_path))
    assert p.returncode == 1 and "no MOD files" in p.stderr
    (tmp_path / "mine" / "bad.mod").write_text("NEURON { SUFFIX bad\n")
    p = python("-m", "understudy.neuron", "build", tmp_path / "mine", UNDERSTUDY_CACHE=str(tmp_path))
    assert p.returncode == 1 and "nrnivmodl failed" in p.stderr and "failed.log" in p.stderr
    p = python("-m", "understudy.neuron", "build", UNDERSTUDY_CACHE=str(tmp_path), CXX="", PATH="/nowhere")
    assert p.returncode == 1 and "no C++ compiler" in p.stderr
