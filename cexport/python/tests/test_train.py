"""Reader, training loop and export."""

import json
import os
import shutil

import numpy as np
import pytest
import torch

from understudy.train import glm, metrics
from understudy.train.__main__ import main
from understudy.train.data import DataError, Dataset, Trial, make_batch, read_trial
from understudy.train.elm import ELM, ELMShape
from understudy.train.export import document, fold, tensors, write_model, TrainingRange
from understudy.train.fit import Options, Trainer
from understudy.train.network import TCN, Shape
from understudy.train.numpy_eval import evaluate, read_model
from understudy.train.ops import LeakySum, Memory
from understudy.train.smooth import main as smooth_main


def events(trial: Trial):
    step = np.repeat(np.arange(trial.steps), np.diff(trial.start))
    return trial.channel, step, 1.0 if trial.weight is None else trial.weight


def randomised(shape: Shape) -> TCN:
    """A network in which every parameter and statistic matters."""
    torch.manual_seed(3)
    net = TCN(shape)
    with torch.no_grad():
        for b in net.blocks:
            b.norm.weight.uniform_(0.5, 1.5)
            b.norm.bias.normal_()
            b.norm.running_mean.normal_()
            b.norm.running_var.uniform_(0.5, 2)
            b.weight.mul_(0.3)
        net.smooth_bias.normal_()
        net.head.weight.normal_(std=0.4)
    return net.eval()


def run(net: TCN, trial: Trial, channels: int) -> np.ndarray:
    with torch.no_grad():
        return net(make_batch([(trial, 0)], trial.steps, channels, 0, backward=False))[:, 0].numpy()


def test_exported_model_equals_torch(small, tmp_path):
    data = Dataset(small)
    net = randomised(Shape(20, features=6, smooth=5, blocks=3, kernel=3))
    path = str(tmp_path / "m.safetensors")
    write_model(path, fold(net), document(net, data, "m", 10.0, -67.5, 0.3, 3, TrainingRange(), {}))
    trial = data.trials[1]
    z = run(net, trial, 20)
    p, v = evaluate(path, *events(trial), steps=trial.steps)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z[:, 0])), atol=1e-5)
    np.testing.assert_allclose((v + 67.5) / 10, z[:, 1], atol=1e-5)
    assert np.ptp(z[:, 0]) > 0.5, "the outputs hardly move: the comparison says nothing"
    doc, tensors = read_model(path)
    assert [layer["op"] for layer in doc["layers"]].count("add") == 3
    assert {layer["weight"] for layer in doc["layers"] if "weight" in layer} <= set(tensors)


def test_outputs_never_depend_on_later_events(small):
    data = Dataset(small)
    net = randomised(Shape(20, features=6, blocks=3))
    a = data.trials[2]
    at = 400
    keep = a.start[at]
    start = a.start.copy()
    start[at + 1 :] = keep + (np.arange(a.steps - at) * 2)  # other counts, other channels
    b = Trial(2, np.concatenate([a.channel[:keep], np.arange(start[-1] - keep, dtype=np.int16) % 20]),
              start, None, a.spike, a.v)
    a = Trial(2, a.channel, a.start, None, a.spike, a.v)
    za, zb = run(net, a, 20), run(net, b, 20)
    np.testing.assert_array_equal(za[:at], zb[:at])
    assert (za[at] != zb[at]).any(), "the present step must count"


def test_receptive_field(small):
    shape = Shape(20, features=6, smooth=5, blocks=3, kernel=3)
    net = randomised(shape)
    T, at = 200, 50
    silent = Trial(0, np.zeros(0, np.int16), np.zeros(T + 1, np.int32), None, np.zeros(T, bool), np.zeros(T, np.float32))
    start = np.zeros(T + 1, np.int32)
    start[at + 1 :] = 1
    one = Trial(0, np.ones(1, np.int16), start, np.full(1, 50, np.float32), silent.spike, silent.v)
    moved = np.flatnonzero((run(net, one, 20) != run(net, silent, 20)).any(1))
    assert moved[0] == at and moved[-1] == at + shape.receptive_field - 1


def options(small, tmp_path, **more) -> Options:
    return Options(small, str(tmp_path / "m.safetensors"), **{
        "steps": 12, "features": 8, "blocks": 2, "kernel": 2, "window_ms": 300, "warmup_ms": 50,
        "batch": 2, "holdout_every": 3, "lr_warmup": 2, "precision": "f32", **more})


def test_further_data_is_for_training_only(small, dendritic, tmp_path):
    more = str(tmp_path / "more")
    shutil.copytree(small, more)
    alone = Trainer(options(small, tmp_path))
    both = Trainer(options(small, tmp_path, also=(more,)))
    assert [t.index for t in both.held] == [t.index for t in alone.held]
    assert len(both.train) == len(alone.train) + len(alone.data.trials)
    both.run(show=open(os.devnull, "w"))
    doc, _ = read_model(str(tmp_path / "m.safetensors"))
    assert doc["provenance"]["data"].count("manifest sha256") == 2
    with pytest.raises(DataError, match="voltages of its manifest differs"):
        Trainer(options(small, tmp_path, also=(dendritic,)))


def test_hours_can_be_limited(small, tmp_path, capsys):
    more = str(tmp_path / "more")
    shutil.copytree(small, more)
    whole = Trainer(options(small, tmp_path, also=(more,)))
    assert len(whole.train) == 4 + 6
    half = Trainer(options(small, tmp_path, also=(more,), max_hours=5 * 0.9 / 3600))  # of 10 trials of 0.9 s
    assert [t.index for t in half.held] == [t.index for t in whole.held] == [0, 3]
    assert [t.index for t in half.train] == [1, 2, 0, 1, 2]  # half of each folder's, the first by number
    some = Trainer(options(small, tmp_path, also=(more,), only=((0, 2, 5), (4,))))
    assert [t.index for t in some.held] == [0] and [t.index for t in some.train] == [2, 5, 4]
    args = ["--data", small, "--out", str(tmp_path / "m.safetensors"), "--steps", "1", "--features", "4", "--blocks", "1", "--batch", "1",
            "--window-ms", "200", "--holdout-every", "3"]
    assert main([*args, "--max-hours", str(3 * 0.9 / 3600)]) == 0
    assert read_model(str(tmp_path / "m.safetensors"))[0]["provenance"]["data"].startswith("3 trials, 0.00 h")
    assert main([*args, "--max-hours", "1e-6"]) == 1 and "0 training and 2 held-out" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*args, "--max-hours", "-1"])


def test_resumed_run_equals_unbroken(small, tmp_path):
    os.makedirs(tmp_path / "a")
    os.makedirs(tmp_path / "b")
    whole = Trainer(options(small, tmp_path / "a"))
    whole.run(show=open(os.devnull, "w"))
    Trainer(options(small, tmp_path / "b")).run(until_step=5, show=open(os.devnull, "w"))
    rest = Trainer(options(small, tmp_path / "b", resume=True))
    assert rest.step == 5
    rest.run(show=open(os.devnull, "w"))
    for k, v in whole.net.state_dict().items():
        if not k.endswith("num_batches_tracked"):
            torch.testing.assert_close(rest.net.state_dict()[k], v, rtol=0, atol=0)


@pytest.fixture(scope="module")
def dendritic(tmp_path_factory):
    """Four trials with two dendritic voltages."""
    from synthetic import write_dataset

    folder = str(tmp_path_factory.mktemp("dendritic"))
    write_dataset(folder, 4, channels=20, ms=900, events_per_ms=3, voltages=2)
    return folder


def test_dendritic_voltages_and_rank_are_for_training_only(dendritic, tmp_path):
    more = {"rank": 3, "dropout": 0.05, "steps": 60, "lr": 0.02, "dendrite_weight": 20.0}
    whole = Trainer(options(dendritic, tmp_path, **more))
    assert whole.net.embed.shape == (20, 3)
    x = whole._batch(0)
    first = (whole._loss(x)[0] - whole._loss(x)[1]).item()
    whole.run(show=open(os.devnull, "w"))
    total, part = whole._loss(x)
    assert (total - part).item() < 0.85 * first, "the dendritic voltages are not learnt"
    doc, tensors = read_model(str(tmp_path / "m.safetensors"))
    assert tensors["embed.weight"].shape == (8, 20, 1) and tensors["head.weight"].shape == (2, 8, 1)
    assert "dendrites" not in str(doc["layers"])
    # The file is the averaged network at its best evaluation, here the last.
    trial = whole.data.trials[0]
    p, _ = evaluate(str(tmp_path / "m.safetensors"), *events(trial), steps=trial.steps)
    z = run(whole.mean, trial, 20)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z[:, 0])), atol=1e-5)
    os.makedirs(tmp_path / "b")
    Trainer(options(dendritic, tmp_path / "b", **more)).run(until_step=5, show=open(os.devnull, "w"))
    rest = Trainer(options(dendritic, tmp_path / "b", resume=True, **more))
    rest.run(show=open(os.devnull, "w"))
    torch.testing.assert_close(rest.net.mix, whole.net.mix, rtol=0, atol=0)
    ignored = Trainer(options(dendritic, tmp_path / "b", dendrite_weight=0))
    assert ignored.net.dendrites is None


def test_bad_dendritic_voltages_are_named(dendritic, tmp_path):
    path = os.path.join(dendritic, "trial_000001.npz")
    with pytest.raises(DataError, match="v_dend_10uv is int16 of shape"):
        read_trial(path, 20, voltages=3)
    bare = str(tmp_path / "trial_000001.npz")
    with np.load(path) as z:
        np.savez(bare, **{k: z[k] for k in z.files if k != "v_dend_10uv"})
    with pytest.raises(DataError, match="trial_000001.npz.*no array v_dend_10uv"):
        read_trial(bare, 20, voltages=2)
    assert read_trial(bare, 20).dend is None


def test_resume_refuses_another_network(small, tmp_path):
    Trainer(options(small, tmp_path)).save()
    with pytest.raises(DataError, match=r"m\.ckpt"):
        Trainer(options(small, tmp_path, features=4, resume=True))


def test_command_learns_and_exports(small, tmp_path, capsys):
    out = str(tmp_path / "m.safetensors")
    status = main(["--data", small, "--out", out, "--steps", "60", "--features", "8", "--blocks", "3", "--kernel", "2",
                   "--window-ms", "400", "--warmup-ms", "50", "--batch", "4", "--holdout-every", "3",
                   "--lr", "0.01", "--lr-warmup", "5", "--ema", "0.9", "--precision", "f32", "--json"])
    assert status == 0
    record = json.loads(capsys.readouterr().out)
    assert record["explained_variance"] > 0.2, record
    doc, _ = read_model(out)
    data = Dataset(small)
    assert doc["provenance"]["figures"]["explained_variance"] > 0.2
    assert doc["training_range"]["weight"][1] > 1.5
    # The threshold gives the true rate on the held-out trials, after 500 ms.
    ps = [evaluate(out, *events(data.trials[k]), steps=900)[0][500:] for k in (0, 3)]
    assert doc["refractory_ms"] == 3
    n = sum(len(metrics.emitted(p, doc["spike_threshold"] * (1 - 1e-5), 3)) for p in ps)
    assert n == sum(int(data.trials[k].spike[500:].sum()) for k in (0, 3))
    assert main(["--data", str(tmp_path / "none"), "--out", out]) == 1
    assert "none" in capsys.readouterr().err
    with pytest.raises(SystemExit) as e:
        main(["--data", small, "--out", out, "--blocks", "0"])
    assert e.value.code == 2


def test_new_trials_are_picked_up(small, tmp_path):
    folder = tmp_path / "d"
    shutil.copytree(small, folder)
    os.rename(folder / "trial_000005.npz", tmp_path / "later.npz")
    data = Dataset(str(folder))
    assert len(data.trials) == 5
    os.rename(tmp_path / "later.npz", folder / "trial_000005.npz")
    assert data.rescan() == 1 and data.rescan() == 0
    assert sorted(data.trials) == list(range(6))


def test_reader_labels_and_order(tmp_path):
    path = str(tmp_path / "trial_000007.npz")
    np.savez(path, in_channel=np.array([3, 1, 2], np.int32), in_t_ms=np.array([5.9, 0.2, 5.0]),
             spike_ms=np.array([3.4, 3.6, 0.6, 7.75]), v_soma_mv=np.full(8, -70, np.float32))
    t = read_trial(path, 4)
    assert t.index == 7
    assert t.channel.tolist() == [1, 3, 2] and t.start.tolist() == [0, 1, 1, 1, 1, 1, 3, 3, 3]
    assert np.flatnonzero(t.spike).tolist() == [0, 2, 3, 7]  # int(t_peak - 0.5)


@pytest.mark.parametrize("size", [0, 10, 100, 2000, -30])
def test_truncated_trial_is_named(small, tmp_path, size):
    path = tmp_path / "trial_000001.npz"
    raw = open(os.path.join(small, "trial_000001.npz"), "rb").read()
    path.write_bytes(raw[:size])
    with pytest.raises(DataError, match="trial_000001.npz"):
        read_trial(str(path), 20)


@pytest.mark.parametrize("change, text", [
    ({"in_channel": np.array([20], np.int16)}, "in_channel spans"),
    ({"in_channel": np.array([-1], np.int16)}, "in_channel spans"),
    ({"in_channel": np.array([1.0])}, "want integers"),
    ({"in_t_ms": np.array([100], np.int16)}, "in_t_ms spans"),
    ({"in_t_ms": np.array([np.nan])}, "in_t_ms spans"),
    ({"in_t_ms": np.array([1, 2])}, "has 2 entries"),
    ({"in_weight": np.array([np.inf])}, "in_weight"),
    ({"v_soma_mv": np.zeros((10, 10))}, "one dimension"),
    ({"v_soma_mv": np.full(100, np.nan)}, "not finite"),
    ({"spike_ms": np.array(["x"])}, "want numbers"),
    ({"spike_ms": None}, "no array spike_ms"),
])
def test_inconsistent_trial_is_named(tmp_path, change, text):
    path = str(tmp_path / "trial_000001.npz")
    d = {"in_channel": np.array([1], np.int16), "in_t_ms": np.array([1], np.int16),
         "spike_ms": np.zeros(0), "v_soma_mv": np.zeros(100, np.float32)} | change
    np.savez(path, **{k: v for k, v in d.items() if v is not None})
    with pytest.raises(DataError, match="trial_000001.npz.*" + text):
        read_trial(path, 20)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "channels": "x"}',
                                  '{"schema": 1, "channels": 2, "channel_kind": ["exc"], "segment": [], "section": [], "x": [], "region": []}'])
def test_bad_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="manifest.json"):
        Dataset(str(tmp_path))


def test_metrics_against_counting():
    rng = np.random.default_rng(0)
    score, label = rng.integers(0, 6, 300) / 5, rng.random(300) < 0.2
    pos, neg = score[label], score[~label]
    d = pos[:, None] - neg[None, :]
    assert metrics.auc(score, label) == pytest.approx((d > 0).mean() + 0.5 * (d == 0).mean(), abs=1e-12)
    best = max((pos >= th).mean() for th in np.append(np.unique(score), 2) if (neg >= th).mean() <= 0.3)
    assert metrics.tp_at_fp(score, label, 0.3) == pytest.approx(best)
    # A constant offset costs RMSE, not explained variance; above -55 mV nothing counts.
    v = rng.normal(-65, 3, 2000)
    v[700] = 30
    f = metrics.figures([rng.random(2000)], [np.minimum(v, -50) - 1], [rng.random(2000) < 0.1], [v])
    assert f.explained_variance > 0.99 and 0.9 < f.rmse_mv <= 1 and f.bins == 1500
    fine = [rng.random(1000), rng.random(700)]
    assert sum((p >= metrics.rate_threshold(fine, 90)).sum() for p in fine) == 90
    assert list(metrics.emitted(np.array([0.9, 0.8, 0.9, 0.1, 0.7, 0.9]), 0.7, 2)) == [0, 4]
    threshold = metrics.rate_threshold(fine, 90, 3)
    assert sum(len(metrics.emitted(p, threshold, 3)) for p in fine) == 90


def test_glm_recovers_its_own_kind(tmp_path):
    """Data from a GLM: the fit must reach the figures of the true one."""
    from synthetic import write_dataset

    write_dataset(str(tmp_path), 6, channels=20, ms=3000, events_per_ms=3)
    data = Dataset(str(tmp_path))
    true = glm.GLM(data)
    rng = np.random.default_rng(1)
    n = len(true.groups) * glm.BASES
    w = rng.normal(size=n)
    x = np.concatenate([true.design(t)[:, :-1] for t in data.trials.values()])
    true.mean, true.std = x.mean(0), x.std(0)
    true.ws, true.wv = np.append(0.5 * w, -3), np.append(w, -70)
    for t in data.trials.values():
        p, v = true.predict(t)
        t.spike, t.v = rng.random(t.steps) < p, v.astype(np.float32)
    train, held = list(data.trials.values())[:5], list(data.trials.values())[5:]
    fit = glm.GLM(data)
    fit.fit(train)

    def figures(model):
        out = [model.predict(t) for t in held]
        return metrics.figures([o[0] for o in out], [o[1] for o in out], [t.spike for t in held], [t.v for t in held])

    assert n == 32 and figures(fit).explained_variance > 0.99
    assert figures(fit).auc > figures(true).auc - 0.02


def test_elm_exports_what_it_computes(small, tmp_path):
    """The model file, evaluated by FORMAT.md's equations, gives the network's outputs."""
    data = Dataset(small)
    torch.manual_seed(4)
    net = ELM(ELMShape(20, branches=7, memory=9, hidden=12, voltages=3))
    with torch.no_grad():
        net.head.weight.normal_(std=0.4)
        net.synapse.normal_()
    path = str(tmp_path / "m.safetensors")
    write_model(path, tensors(net), document(net, data, "m", 10.0, -67.5, 0.3, 3, TrainingRange(), {}))
    doc, t = read_model(path)
    assert doc["kind"] == "elm" and [x["op"] for x in doc["layers"]] == ["conv1d", "elm", "conv1d"]
    trial = data.trials[1]
    z = run(net, trial, 20)
    x = np.zeros((trial.steps, 20))
    channel, step, weight = events(trial)
    np.add.at(x, (step, channel), weight)
    s, m, lam = np.zeros(7), np.zeros(9), doc["layers"][1]["elm"]["lambda"]
    for k in range(trial.steps):
        s = t["synapse_decay"] * s + t["synapses.weight"][:, :, 0] @ x[k]
        h = t["hidden.weight"] @ np.concatenate([s, t["memory_decay"] * m]) + t["hidden.bias"]
        d = 1.7159 * np.tanh(2 / 3 * (t["change.weight"] @ (h / (1 + np.exp(-h))) + t["change.bias"]))
        m = t["memory_decay"] * m + lam * (1 - t["memory_decay"]) * d
        np.testing.assert_allclose(t["head.weight"][:, :, 0] @ m + t["head.bias"], z[k], atol=1e-4)
    assert np.ptp(z[:, 0]) > 0.5, "the outputs hardly move: the comparison says nothing"


def test_elm_learns_and_resumes(small, tmp_path):
    out = tmp_path / "m.safetensors"
    args = ["--data", small, "--out", str(out), "--architecture", "elm", "--branches", "5", "--memory", "8", "--hidden", "10",
            "--window-ms", "200", "--warmup-ms", "50", "--batch", "4", "--threads", "1", "--holdout", "1"]
    assert main([*args, "--steps", "3"]) == 0
    whole = out.read_bytes()
    out.unlink()
    opt = Options(small, str(out), architecture="elm", branches=5, memory=8, hidden=10, window_ms=200, warmup_ms=50, batch=4, threads=1,
                  holdout=(1,), steps=3)
    first = Trainer(opt)
    first.train_step()
    first.save()
    assert main([*args, "--steps", "3", "--resume"]) == 0
    a, b = read_model(str(out))[1], whole
    (tmp_path / "whole.safetensors").write_bytes(b)
    for name, x in read_model(str(tmp_path / "whole.safetensors"))[1].items():
        np.testing.assert_array_equal(a[name], x)


def test_memory_and_leaky_sum_have_the_gradients_of_their_equations():
    torch.manual_seed(0)
    T, B, H, M = 7, 3, 5, 4

    def new(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    drive, recurrent, change, bias = new(T, B, H), new(H, M), new(M, H), new(M)
    decay, gain = torch.rand(M, dtype=torch.float64), torch.rand(M, dtype=torch.float64)
    m, by_definition = torch.zeros(B, M, dtype=torch.float64), []
    for now in drive:
        h = torch.nn.functional.silu(now + decay * m @ recurrent.t())
        m = decay * m + gain * torch.tanh(2 / 3 * (h @ change.t() + bias))
        by_definition.append(m)
    got = Memory.apply(drive, recurrent, change, bias, decay, gain)
    torch.testing.assert_close(got, torch.stack(by_definition))
    assert torch.autograd.gradcheck(lambda *a: Memory.apply(*a, decay, gain), (drive, recurrent, change, bias))
    keep = torch.rand(H, dtype=torch.float64, requires_grad=True)
    s = LeakySum.apply(drive, keep)
    torch.testing.assert_close(s[1:], keep * s[:-1] + drive[1:])
    assert torch.autograd.gradcheck(LeakySum.apply, (drive, keep))


def test_neighbouring_channels_share_weights(small, tmp_path):
    data = Dataset(small)
    data.manifest["section"] = [0] * 3 + [1] * (data.channels - 3)
    data.manifest["channel_kind"] = ["exc"] * 5 + ["inh"] * (data.channels - 5)
    s = data.spread(4.0)
    np.testing.assert_allclose(s.sum(1), 1, atol=1e-5)
    assert np.count_nonzero(s[0] > 1e-6) == 3 and np.count_nonzero(s[4] > 1e-6) == 2  # a section, of a section the kind
    np.testing.assert_allclose(data.spread(1e6)[:3, :3], 1 / 3, atol=1e-3)
    np.testing.assert_allclose(data.spread(0.0), np.eye(data.channels), atol=1e-6)
    # The model file has the weights that are used.
    trainer = Trainer(options(small, tmp_path, channel_smoothing=2.0))
    trainer.run(show=open(os.devnull, "w"))
    trial = trainer.data.trials[0]
    p, _ = evaluate(str(tmp_path / "m.safetensors"), *events(trial), steps=trial.steps)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-run(trainer.mean, trial, 20)[:, 0])), atol=1e-5)
    net = Trainer(options(small, tmp_path, architecture="elm", channel_smoothing=2.0, branches=4, memory=6, hidden=8)).net
    np.testing.assert_allclose(net.tensors()["synapses.weight"][:, :, 0].T, (net.spread @ net.embed).detach().numpy(), atol=1e-6)


def test_smoothing_a_trained_model(small, tmp_path, capsys):
    data = Dataset(small)
    net = randomised(Shape(20, features=6, smooth=5, blocks=2, kernel=3))
    path, out = str(tmp_path / "m.safetensors"), str(tmp_path / "s.safetensors")
    write_model(path, fold(net), document(net, data, "m", 10.0, -67.5, 0.3, 3, TrainingRange(), {}) | {"int8": {"ranges": {}}})
    assert smooth_main([path, "--strength", "2", "--out", out]) == 0
    doc, tensors = read_model(out)
    before = read_model(path)[1]["embed.weight"]
    want = np.einsum("fck,dc->fdk", before, data.spread(2.0))
    np.testing.assert_allclose(tensors["embed.weight"], want, atol=1e-6)
    assert "int8" not in doc and doc["provenance"]["channels_smoothed"] == 2
    assert smooth_main([str(tmp_path / "none"), "--out", out]) == 1
    assert "none" in capsys.readouterr().err


def test_training_starts_from_a_model(small, tmp_path):
    sizes = {"architecture": "elm", "branches": 4, "memory": 6, "hidden": 8}
    first = Trainer(options(small, tmp_path, **sizes))
    first.run(show=open(os.devnull, "w"))
    path = str(tmp_path / "m.safetensors")
    doc, tensors = read_model(path)
    again = Trainer(options(small, tmp_path, **sizes, init=path))
    for name, value in again.net.tensors().items():
        np.testing.assert_allclose(value, tensors[name], rtol=1e-5, atol=1e-6)
    assert again.v_offset == doc["heads"]["v_soma"]["offset"]
    with pytest.raises(DataError, match="cannot start from it: is of 20 channels, 4 branches, 6 memory and 8 hidden units"):
        Trainer(options(small, tmp_path, **sizes | {"hidden": 7}, init=path))
    with pytest.raises(DataError, match="cannot start from it"):
        Trainer(options(small, tmp_path, init=path))  # a tcn
    # A larger one computes the same, and what is new in it learns.
    wide = Trainer(options(small, tmp_path, architecture="elm", branches=5, memory=9, hidden=12, init=path))
    trial = wide.data.trials[0]
    want = run(again.net, trial, 20)
    assert np.abs(want).max() > 0.1
    np.testing.assert_allclose(run(wide.net, trial, 20), want, rtol=1e-5, atol=1e-5)
    before = wide.net.head.weight[:, 6:].detach().clone()
    assert not before.any()
    wide.run(show=open(os.devnull, "w"))
    assert (wide.net.head.weight[:, 6:] != before).all()

