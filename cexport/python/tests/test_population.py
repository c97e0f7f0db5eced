"""The binding to libunderstudy; that its numbers are right is tests/conformance's business."""

import contextlib
import gc
import inspect
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import understudy

ROOT = pathlib.Path(__file__).resolve().parents[3]
if not os.environ.get("UNDERSTUDY_LIBRARY") and not (ROOT / "build" / "libunderstudy.so.0").exists():
    pytest.skip("libunderstudy is not built: `make lib`", allow_module_level=True)

INPUT, FORMAT, KERNEL, HANDLE, FORKED, IO = 1, 2, 6, 8, 12, 13


def kick(t_ms, neuron=0):
    return understudy.events(t_ms, neuron, 0, 100)


@contextlib.contextmanager
def raises(status):
    with pytest.raises(understudy.Error) as info:
        yield info
    assert info.value.status == status


def test_shapes_and_spikes():
    with understudy.Cell("lif", 3) as cell:
        assert (cell.n, cell.kind, cell.now) == (3, "detailed", 0)
        out = cell.step(20, kick(2, neuron=1))
        assert out.p_spike.shape == out.v_soma_mv.shape == out.spike.shape == (20, 3)
        assert out.spike.dtype == np.bool_ and cell.now == 20
        assert out.spike[:, 1].any() and not out.spike[:, [0, 2]].any()
        assert not out.spike[:2].any()


def test_scheme_and_time_step():
    kicks = understudy.events([2.0] * 5, 0, range(5), 1)
    v = [understudy.Cell("passive", scheme=scheme, dt_ms=dt).step(20, kicks).v_soma_mv[:, 0]
         for scheme, dt in ((None, 0), ("backward-euler", 0.025), ("crank-nicolson", 0.05))]
    np.testing.assert_array_equal(v[0], v[1])
    assert 0 < np.abs(v[0] - v[2]).max() < 0.05
    with raises(INPUT):
        understudy.Cell("passive", scheme="euler")


def test_out_is_written_in_place():
    cell = understudy.Cell("lif", 2)
    whole = cell.step(6, kick(1))
    cell.reset()
    v = np.full((6, 2), 7, np.float32)
    out = understudy.Output(None, v, None)
    assert cell.step(6, kick(1), out=out) is out
    np.testing.assert_array_equal(v, whole.v_soma_mv)


@pytest.mark.parametrize("bad", [np.zeros(12), np.zeros((12, 2), np.float32)[:, 0], [0.0] * 12])
def test_out_of_the_wrong_kind(bad):
    cell = understudy.Cell("lif", 2)
    with pytest.raises(TypeError, match="out.v_soma_mv"):
        cell.step(6, out=understudy.Output(None, bad, None))
    assert cell.now == 0


def test_events_broadcast_and_are_checked():
    e = understudy.events([1, 2.5], 0, [3, 4])
    assert e.dtype == understudy.EVENT and e["weight"].tolist() == [1, 1] and e["channel"].tolist() == [3, 4]
    with pytest.raises(TypeError):
        understudy.events(1, 0.5, 0)
    with pytest.raises(ValueError):
        understudy.events(1, 2**40, 0)
    assert len(understudy.events([], [], [])) == 0


def test_save_and_load():
    a, b = understudy.Cell("lif", 2), understudy.Cell("lif", 2)
    a.step(5, kick(3))
    b.load(a.save())
    assert b.now == 5
    for x, y in zip(a.step(10), b.step(10)):
        np.testing.assert_array_equal(x, y)
    with raises(FORMAT):
        b.load(b"nonsense")


def test_errors_say_what_is_wrong(tmp_path):
    with raises(INPUT) as e:
        understudy.Cell("no such cell")
    assert "no such cell" in str(e.value)
    with raises(IO):
        understudy.load_model(tmp_path / "missing.safetensors")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nonsense" * 10)
    with raises(FORMAT) as e:
        understudy.load_model(bad)
    assert "bad.safetensors" in str(e.value)
    with pytest.raises(ValueError):
        understudy.Cell("lif", 2**32 + 1)
    cell = understudy.Cell("lif")
    with raises(INPUT):
        cell.step(0)
    with raises(INPUT):
        cell.step(1, understudy.events(0, 0, 0, np.nan))


def test_closed():
    cell = understudy.Cell("lif")
    cell.close()
    cell.close()
    assert "closed" in repr(cell)
    with raises(HANDLE):
        cell.step()
    del cell
    gc.collect()


def _spikes(neuron):
    with understudy.Cell("lif", 50) as cell:
        return int(cell.step(30, kick(2, neuron)).spike[:, neuron].sum())


def interrupt(program, expected):
    """Runs a program that says "now" when it wants Ctrl-C, and wants what it prints then."""
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "cexport" / "python")}) as p:
        assert p.stdout.readline() == "now\n", p.stderr.read()
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        try:
            out, err = p.communicate(timeout=120)
        finally:
            p.kill()
    assert (out.strip(), p.returncode) == (expected, 0), err


def test_ctrl_c_between_steps():
    interrupt("""
import understudy
cell = understudy.Cell("lif", 100)
print("now")
try:
    while True:
        cell.step(10)
except KeyboardInterrupt:
    done = cell.now
    print(done > 0 and done % 10 == 0, cell.step(1).spike.shape)
""", "True (1, 100)")


def test_ctrl_c_during_a_long_step():
    interrupt("""
import time, understudy
cell = understudy.Cell("lif", 1000)
start = time.perf_counter()
cell.step(20)
steps = int(20 / (time.perf_counter() - start))  # about 1 s
out = understudy.Output(None, None, None)
print("now")
try:
    cell.step(steps, out=out)
    print("not interrupted")
except KeyboardInterrupt:
    print(cell.now == 20 + steps, cell.step(1).spike.shape)
""", "True (1, 1000)")


def test_public_names_are_documented_and_annotated():
    for name in understudy.__all__:
        thing = getattr(understudy, name)
        if not callable(thing):
            continue
        assert thing.__doc__, name
        functions = {name: thing} if inspect.isfunction(thing) else {
            f"{name}.{n}": f for n, f in inspect.getmembers(thing, inspect.isfunction) if f.__module__ == "understudy.population"
        }
        for where, f in functions.items():
            if f.__name__.startswith("_") and f.__name__ != "__init__":
                continue
            assert f.__doc__ or f.__name__ == "__init__", where
            signature = inspect.signature(f)
            assert signature.return_annotation is not inspect.Signature.empty, where
            for parameter in list(signature.parameters.values())[0 if inspect.isfunction(thing) else 1:]:
                assert parameter.annotation is not inspect.Parameter.empty, f"{where}({parameter.name})"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes(method):
    understudy.Cell("lif").step()  # the library is in use here too
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map(_spikes, [1, 2, 40]) == [_spikes(i) for i in (1, 2, 40)]


def test_forked_workers_are_refused():
    understudy.Cell("lif").step()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        with raises(FORKED) as e:
            pool.apply_async(_spikes, (1,)).get(timeout=60)
    assert "spawn" in str(e.value)


def test_fork_is_refused():
    program = """
import os, understudy
cell = understudy.Cell("lif")
child = os.fork()
if child == 0:
    try:
        cell.step()
    except understudy.Error as e:
        os._exit(e.status if "spawn" in str(e) else 99)
    os._exit(98)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": str(ROOT / "cexport" / "python")})
    assert out.stdout.strip() == str(FORKED), out.stderr


def test_import_without_the_library():
    program = "import understudy, sys; assert 'understudy._lib' not in sys.modules; understudy.load_model"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": str(ROOT / "cexport" / "python"), "UNDERSTUDY_LIBRARY": "/nonexistent"})
    assert out.returncode != 0 and "/nonexistent" in out.stderr


# A quantised model with a head of two channels, "dendrites", and weights of 1 in its training range.
QUANTISED = ROOT / "plugin" / "surrogate" / "testdata" / "int8.safetensors"


def random_events(steps, neurons, channels, weight=1.0):
    rng = np.random.default_rng(3)
    m = 2 * steps * neurons
    return understudy.events(rng.uniform(0, steps, m), rng.integers(0, neurons, m), rng.integers(0, channels, m), weight)


def test_int8_gives_the_same_bits_on_every_kernel():
    model = understudy.load_model(QUANTISED)
    assert model.info["int8"]
    e = random_events(30, 3, model.info["channels"])
    fast = understudy.Population(model, 3, precision="int8", threads=2).step(30, e)
    slow = understudy.Population(model, 3, precision="int8", kernel="reference").step(30, e)
    floats = understudy.Population(model, 3).step(30, e)
    for a, b in zip(fast, slow):
        np.testing.assert_array_equal(a, b)
    difference = np.abs(fast.p_spike - floats.p_spike).max()
    assert 0 < difference < 0.1


def test_sampled_spikes_depend_on_the_seed():
    def spikes(**options):
        return understudy.Population(QUANTISED, 4, spikes="sample", **options).step(50).spike

    np.testing.assert_array_equal(spikes(seed=2**63), spikes(seed=2**63, threads=3))
    assert (spikes(seed=1) != spikes(seed=2)).any()


def test_options_are_checked():
    for options in ({"precision": "int4"}, {"spikes": "never"}, {"seed": -1}, {"seed": 2**64}):
        with pytest.raises(ValueError, match=next(iter(options))):
            understudy.Population(QUANTISED, 1, **options)


def test_heads():
    with understudy.Population(QUANTISED, 2) as pop:
        assert pop.heads == {"dendrites": 2, "spike": 1, "v_soma": 1}
        e = random_events(10, 2, pop.channels)
        out = pop.step(10, e, heads=["dendrites", "spike"])
        assert out.heads["dendrites"].shape == (10, 2, 2)
        np.testing.assert_allclose(1 / (1 + np.exp(-out.heads["spike"][..., 0])), out.p_spike, rtol=1e-6)
        pop.reset()
        mine = np.empty(40, np.float32)
        pop.step(10, e, out=understudy.Output(None, None, None, {"dendrites": mine}))
        np.testing.assert_array_equal(mine, out.heads["dendrites"].ravel())
        with raises(INPUT) as error:
            pop.step(1, heads=["axon"])
        assert "axon" in str(error.value) and pop.now == 10
        with pytest.raises(TypeError, match="dendrites"):
            pop.step(1, out=understudy.Output(None, None, None, {"dendrites": np.empty(4)}))
    with raises(INPUT):
        understudy.Cell("lif").step(1, heads=["dendrites"])


def test_input_range():
    with understudy.Population(QUANTISED, 2) as pop:
        assert pop.input_range() == (True, 0, 0, 0, 0, 0, 0, 0)
        pop.step(5, understudy.events([1, 1, 3], 0, [0, 1, 2], [1, 1, 2.5]))
        assert pop.input_range() == understudy.InputRange(
            known=True, steps=10, steps_outside=0, events=3, weights_outside=1,
            max_events_per_ms=2, min_weight=1, max_weight=2.5,
        )
        pop.reset()
        assert pop.input_range().steps == 0
