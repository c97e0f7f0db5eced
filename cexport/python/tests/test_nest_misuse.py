"""What the NEST adapter says when it is built or used wrongly. `make test-nest` runs it."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

nest = pytest.importorskip("nest", reason="this Python has no NEST; `make test-nest` uses one that has")

import understudy.nest
from nest_network import start
from small_model import write_small_model

PACKAGE = pathlib.Path(understudy.__file__).resolve().parents[1]
CHANNELS = 4


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("misuse") / "small.safetensors"
    write_small_model(path, CHANNELS)
    return str(path)


def create(**parameters):
    return lambda model: nest.Create("understudy", 2, {"model": model, **parameters})


def connect(source, **synapse):
    def use(model):
        nest.Connect(nest.Create(source), nest.Create("understudy", 1, {"model": model}), syn_spec=synapse)

    return use


def after_a_run(**change):
    def use(model):
        neurons = nest.Create("understudy", 2, {"model": model})
        nest.Simulate(2)
        neurons.set(model=model)  # no change
        neurons.set(**change)

    return use


def without_model_connected(model):
    nest.Connect(nest.Create("parrot_neuron"), nest.Create("understudy"))


def without_model_simulated(model):
    nest.Create("understudy")
    nest.Simulate(1)


def at_resolution(ms):
    def use(model):
        start(resolution=ms)
        nest.Create("understudy", 1, {"model": model})
        nest.Simulate(6)

    return use


def time_set_back(model):
    nest.Create("understudy", 1, {"model": model})
    nest.Simulate(3)
    nest.biological_time = 0.0
    nest.Simulate(3)


def fewer_channels(model):
    less = model + ".less"
    write_small_model(less, 2)
    neuron = nest.Create("understudy", 1, {"model": model})
    nest.Connect(nest.Create("parrot_neuron"), neuron, syn_spec={"receptor_type": 3})
    neuron.model = less


def infinite_weight(model):
    neurons = nest.Create("understudy", 4, {"model": model})
    nest.Connect(nest.Create("spike_generator", params={"spike_times": [2.0]}), neurons[1], syn_spec={"weight": 1e39, "receptor_type": 2})
    nest.Simulate(10)


def record_unknown(model):
    nest.Connect(nest.Create("multimeter", params={"record_from": ["I_syn"]}), nest.Create("understudy", 1, {"model": model}))


MISUSE = {
    "no such file": (create(model="/nowhere/a.safetensors"), "/nowhere/a.safetensors"),
    "not a model": (create(model=__file__), "test_nest_misuse.py"),
    "precision": (create(precision="int4"), "precision is 'int4', expected one of: f32, int8, bf16"),
    "not quantised": (create(precision="int8"), "int8"),
    "kernel": (create(kernel="fastest"), "fastest"),
    "spikes": (create(spikes="often"), "spikes is 'often', expected one of: threshold, sample"),
    "seed": (create(seed=1.5), "seed does not hold a numeric integer"),
    "no such parameter": (create(C_m=250.0), "C_m"),
    "V_m is read-only": (create(V_m=-65.0), "V_m"),
    "connected without a model": (without_model_connected, "understudy 2 has no model yet"),
    "simulated without a model": (without_model_simulated, "understudy 1 has no model: set `model`"),
    "no such channel": (connect("parrot_neuron", receptor_type=CHANNELS), "receptor_type 4 of understudy 2: its model has the channels 0 to 3"),
    "a current": (connect("dc_generator"), "urrent"),
    "nothing to record": (record_unknown, "I_syn"),
    "model after a run": (after_a_run(model="/other.safetensors"), "cannot change after the simulation has begun"),
    "seed after a run": (after_a_run(seed=2), "cannot change after the simulation has begun"),
    "fewer channels than connected": (fewer_channels, "connection to channel 3"),
    "resolution 0.3": (at_resolution(0.3), "0.3 ms does not divide 1 ms"),
    "resolution 2": (at_resolution(2.0), "2 ms does not divide 1 ms"),
    "time set back": (time_set_back, "call ResetKernel"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(model, case):
    use, message = MISUSE[case]
    start()
    with pytest.raises(nest.NESTErrors.KernelException) as e:
        use(model)
    assert message in str(e.value)
    assert "file not found" not in str(e.value)
    start()  # the kernel is not damaged
    neuron = nest.Create("understudy", 1, {"model": model})
    nest.Simulate(2)
    assert np.isfinite(neuron.V_m)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_error_while_simulating(model, threads):
    start(threads)
    with pytest.raises(nest.NESTErrors.KernelException, match="understudy 2: an event on channel 2 has the weight 1e.39"):
        infinite_weight(model)


def test_an_error_on_a_thread_alone(model):
    # A thread without neurons could not join in raising it, and NEST would hang: the next call raises it.
    start(3)
    neuron = nest.Create("understudy", 1, {"model": model})
    nest.Connect(nest.Create("spike_generator", params={"spike_times": [2.0]}), neuron, syn_spec={"weight": 1e39})
    nest.Simulate(10)
    with pytest.raises(nest.NESTErrors.KernelException, match="has the weight 1e.39"):
        nest.Simulate(1)


def python(*arguments, **environment):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE), **environment})


FORK = """
import os, sys, nest, understudy.nest
understudy.nest.install()
neurons = nest.Create("understudy", 4, {"model": sys.argv[1]})
nest.Simulate(3)
if os.fork() == 0:
    try:
        nest.Simulate(3)
    except nest.NESTErrors.KernelException as e:
        os.write(2, str(e).encode())
    os._exit(0)
os.wait()
nest.Simulate(3)
"""


def test_an_error_of_the_library_while_simulating(model):
    p = python("-c", FORK, model)
    assert p.returncode == 0 and "understudy 1 at 3 ms: " in p.stderr and "fork" in p.stderr, p.stderr


def test_what_is_missing_is_named(tmp_path):
    cache = {"UNDERSTUDY_CACHE": str(tmp_path)}
    p = python("-m", "understudy.nest", "build", CXX="c++ -nostdinc", **cache)
    assert p.returncode == 1 and "Boost and libltdl" in p.stderr and "apt-get install libboost-dev libltdl-dev" in p.stderr
    p = python("-m", "understudy.nest", "build", CXX="no-such-compiler", **cache)
    assert p.returncode == 1 and "no-such-compiler" in p.stderr and "apt-get install g++" in p.stderr
    p = python("-m", "understudy.nest", "build", UNDERSTUDY_LIBRARY="/nowhere.so", **cache)
    assert p.returncode == 1 and p.stderr.startswith("understudy.nest: /nowhere.so")
    assert python("-m", "understudy.nest", "bulid").returncode == 2


def test_no_nest_or_an_old_one(monkeypatch, tmp_path):
    import importlib.util

    with monkeypatch.context() as m:
        m.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(understudy.nest.BuildError, match="pip install nest-simulator"):
            understudy.nest.build()
    package, headers = tmp_path / "lib" / "nest", tmp_path / "include" / "nest"
    package.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.delitem(sys.modules, "nest")
    (package / "__init__.py").touch()
    with pytest.raises(understudy.nest.BuildError, match="no nestkernel_api.so"):
        understudy.nest.build()
    (package / "nestkernel_api.so").touch()
    with pytest.raises(understudy.nest.BuildError, match="headers of NEST are in none of .*lib/nest/include/nest"):
        understudy.nest.build()
    headers.mkdir(parents=True)  # where `cmake --install` puts them
    (headers / "nest_extension_interface.h").touch()
    (headers / "config.h").write_text('#define NEST_VERSION "3.9.0"\n')
    with pytest.raises(understudy.nest.BuildError, match="NEST 3.9.0 .* needs 3.10"):
        understudy.nest.build()


def test_the_wrong_abi_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("UNDERSTUDY_CACHE", str(tmp_path))
    right = understudy.nest._cxx11_abi
    monkeypatch.setattr(understudy.nest, "_cxx11_abi", lambda kernel: 1 - right(kernel))
    nest.ResetKernel()
    with pytest.raises(understudy.nest.BuildError, match="undefined symbol"):
        understudy.nest.install()


SIMULATE = """
import sys, nest, understudy.nest
nest.local_num_threads = 2
path = understudy.nest.install()
neurons = nest.Create("understudy", 4, {"model": sys.argv[1]})
nest.Simulate(5)
print(path)
"""


def test_a_library_of_another_name_and_a_quiet_exit(tmp_path, model):
    # Without `understudy` loading it first, the adapter must find it too: by the link beside it.
    from understudy import _lib

    library = tmp_path / "mine.so"
    shutil.copy(_lib.library_path(), library)
    p = python("-c", SIMULATE, model, UNDERSTUDY_LIBRARY=str(library), UNDERSTUDY_CACHE=str(tmp_path))
    assert p.returncode == 0, p.stderr
    path = p.stdout.split()[-1]
    alone = python("-c", f"import nest; nest.Install({path!r}); nest.Create('understudy', 2, {{'model': {model!r}}}); nest.Simulate(3)")
    assert alone.returncode == 0, alone.stderr
