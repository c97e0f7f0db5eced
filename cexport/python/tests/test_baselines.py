"""The baselines: each fits data of its own kind, and its model file says what was fitted."""

import json
import os

import numpy as np
import pytest

from test_train import events
from understudy.train import glm, metrics, weighted
from understudy.train.baselines import NAMES, Filtered, judge_file, main, rate_model
from understudy.train.data import Dataset
from understudy.train.export import TrainingRange, document, tensors, write_model
from understudy.train.lif import REFRACTORY_MS, LIF
from understudy.train.numpy_eval import evaluate, read_model


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Six trials of 20 channels, all of weight 1."""
    from synthetic import write_dataset

    folder = str(tmp_path_factory.mktemp("trials"))
    write_dataset(folder, 6, channels=20, ms=1500, events_per_ms=3)
    return folder


def write(network, data, tmp_path) -> str:
    path = str(tmp_path / "m.safetensors")
    write_model(path, tensors(network), document(network, data, "m", 1.0, network.v_offset, 0.5, 0, TrainingRange(), {}))
    return path


def test_glm_as_a_model_file(trials, tmp_path):
    data = Dataset(trials)
    g = glm.GLM(data)
    g.fit(list(data.trials.values()))
    path = write(Filtered(g), data, tmp_path)
    for t in data.trials.values():
        p, v = evaluate(path, *events(t), steps=t.steps)
        want_p, want_v = g.predict(t)
        np.testing.assert_allclose(p, want_p, atol=1e-4)
        np.testing.assert_allclose(v, want_v, atol=1e-3)
    assert read_model(path)[1]["head.weight"].shape == (2, 4, glm.SPAN_MS)


def test_rate_counts_events_alone(trials, tmp_path):
    """Shuffling the events of a window in time, within their groups, changes nothing."""
    data = Dataset(trials)
    network, window = rate_model(data, list(data.trials.values()))
    path = write(network, data, tmp_path)
    assert window >= 10
    channel = np.array([0, 0, 12, 7])
    a, _ = evaluate(path, channel, [500, 503, 501, 508], steps=1000)
    b, _ = evaluate(path, channel, [501, 509, 500, 502], steps=1000)
    assert a[509] == pytest.approx(b[509], rel=1e-5) and a[509] != pytest.approx(a[0], rel=1e-3)
    np.testing.assert_allclose(a[509 + window :], a[0], rtol=1e-5)


def brute(o: weighted.Output, inh: np.ndarray, channel, step, steps: int, delay: int) -> np.ndarray:
    """The output by its definition: event by event."""
    z = np.full(steps, o.bias)
    for c, s in zip(channel, step):
        k = int(inh[c])
        t = np.arange(weighted.TAPS) + delay
        shape = np.exp(-t / o.decay[k]) - np.exp(-t / o.rise[k])
        n = min(weighted.TAPS, steps - s)
        z[s : s + n] += o.weight[c] * (shape / shape.max())[:n]
    return z


def outputs(channels: int) -> tuple[weighted.Output, weighted.Output]:
    rng = np.random.default_rng(5)
    half = channels // 2
    sign = np.where(np.arange(channels) < half, 1, -1)
    return tuple(weighted.Output((a * sign * rng.uniform(0.5, 1.5, channels)).astype(np.float32), np.array([1.5, 2.0], np.float32),
                                 np.array(d, np.float32), b, 1.0) for a, b, d in ((0.5, -3.0, [9.0, 14.0]), (0.7, -68.0, [12.0, 12.0])))


def test_weighted_sum_as_a_model_file(trials, tmp_path):
    data = Dataset(trials)
    spike, v = outputs(20)
    linear = weighted.WeightedSum(data.manifest["channel_kind"], spike, v)
    path = write(linear, data, tmp_path)
    t = data.trials[0]
    channel, step, _ = events(t)
    p, mv = evaluate(path, channel, step, steps=t.steps)
    z = brute(spike, linear.inh, channel, step, t.steps, 1)
    assert z.min() < -5 and z.max() > 2
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z)), atol=1e-4)
    want = brute(v, linear.inh, channel, step, t.steps, 0)
    np.testing.assert_allclose(mv, want, atol=2e-3)
    # The drive is the voltage a step later.
    np.testing.assert_allclose(linear.drive(t)[:-1], want[1:], atol=2e-3)


def test_weighted_sum_recovers_its_own_kind(trials, monkeypatch):
    """Data from a weighted sum: the fit must predict held-out trials as the true one does."""
    monkeypatch.setattr(weighted, "PENALTIES", (100.0, 1.0))
    data = Dataset(trials)
    spike, v = outputs(20)
    inh = np.array([k == "inh" for k in data.manifest["channel_kind"]])
    rng = np.random.default_rng(6)
    for t in data.trials.values():
        channel, step, _ = events(t)
        t.spike = rng.random(t.steps) < 1 / (1 + np.exp(-brute(spike, inh, channel, step, t.steps, 1)))
        t.v = np.minimum(brute(v, inh, channel, step, t.steps, 0) - 20, -56).astype(np.float32)  # hardly clipped
    ts = list(data.trials.values())
    fit = weighted.Fit(data, ts[:5], ts[5:])
    fitted = fit.fit(spike=False, shared_decay=True, iterations=30)
    channel, step, _ = events(ts[5])
    got, want = brute(fitted, inh, channel, step, ts[5].steps, 0), ts[5].v
    assert np.var(got - want) < 0.02 * np.var(want) and fitted.decay[0] == fitted.decay[1]
    fitted = fit.fit(spike=True, shared_decay=False, iterations=30)
    z, true = (brute(o, inh, channel, step, ts[5].steps, 1) for o in (fitted, spike))
    assert np.corrcoef(z, true)[0, 1] > 0.97
    assert metrics.auc(z, ts[5].spike) > metrics.auc(true, ts[5].spike) - 0.02


def test_lif_is_the_differential_equation(trials):
    """The simulation against a membrane with synaptic currents, reset and refractory period, integrated exactly."""
    data = Dataset(trials)
    _, v = outputs(20)
    v.bias = -62.0
    lif = LIF(weighted.WeightedSum(data.manifest["channel_kind"], v, v))
    lif.threshold, lif.reset = -58.0, -66.0
    t = data.trials[0]
    spike, out = lif.simulate(lif.linear.drive(t)[:, None])
    # A state for each exponential of the kernels: membrane v and, of each kind, the synapse's.
    inh = lif.linear.inh
    tau, rise = float(v.decay[0]), v.rise.astype(float)
    s = np.arange(weighted.TAPS)
    gain = [1 / (np.exp(-s / tau) - np.exp(-s / r)).max() for r in rise]
    membrane, synapse, wait = 0.0, np.zeros(2), 0
    want, fired = np.zeros(t.steps), np.zeros(t.steps, bool)
    for k in range(t.steps):
        for c in t.channel[t.start[k] : t.start[k + 1]]:
            i = int(inh[c])
            membrane += v.weight[c] * gain[i]
            synapse[i] += v.weight[c] * gain[i]
        membrane *= np.exp(-1 / tau)
        synapse *= np.exp(-1 / rise)
        want[k] = v.bias + membrane - synapse.sum()
        fired[k] = want[k] >= lif.threshold and wait == 0
        wait = REFRACTORY_MS if fired[k] else max(wait - 1, 0)
        if fired[k]:
            membrane = lif.reset - v.bias + synapse.sum()
    assert 5 < fired.sum() < 500
    np.testing.assert_array_equal(spike[:, 0], fired)
    np.testing.assert_allclose(out[:, 0], want, atol=5e-3)


def test_lif_fires_as_often_as_the_cell(trials):
    data = Dataset(trials)
    ts = list(data.trials.values())
    v = weighted.Fit(data, ts[:4], ts[4:]).fit(spike=False, shared_decay=True, iterations=20)
    lif = LIF(weighted.WeightedSum(data.manifest["channel_kind"], v, v))
    lif.fit(ts)
    f = lif.judge(ts)
    assert f["spikes"] > 5 and 0.6 * f["spikes"] <= f["emitted"] <= 1.4 * f["spikes"]
    assert f["auc"] > 0.6 and 0 < f["recall_2ms"] <= 1 and lif.reset < lif.threshold


def test_match_against_every_pairing():
    def best(a, b):
        if not a:
            return 0
        return max([best(a[1:], b)] + [1 + best(a[1:], b[:j] + b[j + 1 :]) for j, x in enumerate(b) if abs(x - a[0]) <= 2])

    rng = np.random.default_rng(0)
    for _ in range(300):
        a, b = (sorted(rng.integers(0, 15, rng.integers(0, 6)).tolist()) for _ in range(2))
        assert metrics.match(a, b) == best(a, b)
    assert metrics.timing([np.zeros(600, bool)], [np.zeros(600, bool)]) == {"precision_2ms": None, "recall_2ms": None, "emitted": 0}


def test_command(trials, tmp_path, capsys):
    out = str(tmp_path / "base")
    args = ["--data", trials, "--out", out, "--holdout-every", "3", "--steps", "2", "--threads", "1"]
    assert main([*args, "--test", trials]) == 0
    assert sorted(f for f in os.listdir(out) if f.endswith("safetensors")) == ["glm.safetensors", "hidden.safetensors", "rate.safetensors", "weighted.safetensors"]
    said = capsys.readouterr().err
    assert all(f"{name}: " in said for name in NAMES)
    doc, _ = read_model(os.path.join(out, "weighted.safetensors"))
    p = doc["provenance"]
    assert p["synapses"] == "nmda" and p["dendrites"] == "active" and "weighted sum" in p["description"] and p["figures"]["trials"] == 2
    assert 0 < doc["spike_threshold"] <= 1
    assert "one hidden layer" in read_model(os.path.join(out, "hidden.safetensors"))[0]["provenance"]["description"]
    # The threshold gives the cell's rate on the trials that it was chosen on.
    data = Dataset(trials)
    train, held = data.split(every=3)
    path = os.path.join(out, "glm.safetensors")
    threshold = read_model(path)[0]["spike_threshold"]
    chosen = held if sum(t.spike[500:].sum() for t in held) >= 50 else held + train
    assert threshold == pytest.approx(judge_file(path, chosen)[1])
    lif = json.load(open(os.path.join(out, "lif.json")))
    assert set(lif) == {"description", "parameters", "macs_per_ms", "figures"} and lif["figures"]["trials"] == 6
    with pytest.raises(SystemExit):
        main([*args, "--only", "glm,mlp"])
    assert main(["--data", str(tmp_path / "none"), "--out", out]) == 1
