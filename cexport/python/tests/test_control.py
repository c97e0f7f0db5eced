"""The control: its networks, the filters of the leaky integrate-and-fire neuron, and the whole of it on a few trials."""

import json
import os
import pathlib

import numpy as np
import pytest
import torch

from synthetic import write_dataset
from test_train import events
from understudy.train import lif_filter
from understudy.train.control import QUICK, main
from understudy.train.data import Dataset, make_batch
from understudy.train.export import TrainingRange, document, write_model
from understudy.train.layered import Layered, LayeredShape, causal
from understudy.train.numpy_eval import evaluate

ROOT = pathlib.Path(__file__).resolve().parents[3]


def network(channels: int, depth: int, span: int = 60) -> Layered:
    """A network in which every parameter and statistic matters."""
    torch.manual_seed(5)
    net = Layered(LayeredShape(channels, depth, features=6, rank=4, span=span))
    with torch.no_grad():
        for norm in [net.norm, *(b.norm for b in net.blocks)]:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
        net.head.weight.normal_()
    return net.eval()


@pytest.mark.parametrize("depth", (0, 1, 3))
def test_model_file_equals_torch(small, tmp_path, depth):
    data = Dataset(small)
    net = network(data.channels, depth)
    net.spread = torch.from_numpy(data.spread(2.0))
    path = str(tmp_path / "a.safetensors")
    write_model(path, net.tensors(), document(net, data, "a", 10.0, -70.0, 0.5, 0, TrainingRange(), {}))
    t = data.trials[0]
    p, v = evaluate(path, *events(t), steps=t.steps)
    with torch.no_grad():
        z = net(make_batch([(t, 0)], t.steps, data.channels, 0, backward=False))[:, 0].numpy()
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z[:, 0])), atol=2e-5)
    np.testing.assert_allclose(v, -70 + 10 * z[:, 1], atol=2e-3)


@pytest.mark.parametrize("depth", (0, 1, 2, 5, 7))
def test_every_depth_sees_as_far(depth):
    """What a step gives depends on the one span - 1 steps ago, and on none before."""
    net = network(20, depth).double()
    for norm in [net.norm, *(b.norm for b in net.blocks)]:
        norm.bias.data.fill_(3.0)  # so that no unit is silent
    x = torch.zeros(300, 1, 4, dtype=torch.float64, requires_grad=True)
    h = net.norm(causal(x, net.kernels)[:, 0] @ net.mix)[:, None]
    for b in net.blocks:
        h = b(h, False)
    h[200].sum().backward()
    g = x.grad.abs().sum((1, 2)).numpy()
    seen = np.flatnonzero(g > 1e-12 * g.max())
    assert seen[0] == 200 - net.shape.span + 1 and seen[-1] == 200


def test_causal_against_a_loop():
    torch.manual_seed(0)
    x, k = torch.randn(40, 2, 3), torch.randn(3, 7)
    want = torch.zeros_like(x)
    for t in range(40):
        for j in range(min(7, t + 1)):
            want[t] += x[t - j] * k[:, 6 - j]
    torch.testing.assert_close(causal(x, k), want)


def test_lif_filters_find_the_membrane(tmp_path):
    """A linear membrane with resets: where none is near, the voltage's filter is the kernel."""
    cell = {"TauM": 15.0, "TauSyn": 4.0, "JumpExc": 3.0, "JumpInh": -6.0}
    write_dataset(str(tmp_path), 6, channels=20, ms=3000, events_per_ms=1.5)
    data = Dataset(str(tmp_path))
    data.manifest["region"] = ["dend"] * 20
    rng = np.random.default_rng(1)
    for t in data.trials.values():
        channel, step, _ = events(t)
        v, j = -77.0, 0.0
        t.spike[:] = False
        for k in range(t.steps):
            t.v[k] = v
            j += (3.0 * (channel[step == k] < 10).sum() - 6.0 * (channel[step == k] >= 10).sum())
            f = lif_filter.kernel(np.array(1.0), 15.0, 4.0)
            v, j = -77 + (v + 77) * np.exp(-1 / 15) + float(f) * j, j * np.exp(-1 / 4)
            if v > -60 and rng.random() < 0.05:
                t.spike[k], v = True, -77.0
    r = lif_filter.fit(data, data, cell)
    assert r["train_spikes"] > 3 and 0 < r["quiet_ms"] < 6 * 2500
    f = r["filters"]["voltage, no spike within"]
    assert f["correlation"] > 0.999 and f["tau_m_ms"] == pytest.approx(15, abs=0.5)
    assert f["exc_mv"][5] == pytest.approx(3 * lif_filter.kernel(np.array(5.0), 15, 4), rel=0.1)
    assert len(lif_filter.panels(r)) == 2 and "15 ms" in lif_filter.line(r)


def test_quick_run(tmp_path, capsys):
    command = ROOT / "build" / "understudy"
    if not command.exists():
        pytest.skip("no build/understudy; run `make build`")
    out = str(tmp_path / "control")
    args = ["--quick", "--understudy", str(command), "--out", out]
    assert main(args) == 0
    table = capsys.readouterr().out
    doc = json.load(open(os.path.join(out, "control.json")))
    rows = doc["networks"]
    assert [(r["synapses"], r["depth"], r["units"]) for r in rows] == [(s, d, u) for s in ("nmda", "ampa") for d, u in (("GLM", 32), (0, 8), (1, 8), (3, 8), (1, 12))]
    assert all(r["trials"] == QUICK["test_trials"] and r["explained_variance"] is not None for r in rows)
    assert table == open(os.path.join(out, "control.txt")).read() and len(table.splitlines()) == 1 + 10 + 1 + 5
    assert all(os.path.getsize(os.path.join(out, f)) > 1000 for f in ("control.svg", "lif.svg"))
    # What is there is kept, but not what was made otherwise.
    files = sorted(pathlib.Path(out, "networks").glob("*.safetensors"))
    before = [f.stat().st_mtime_ns for f in files]
    content = files[0].read_bytes()
    files[0].unlink()
    assert len(files) == 8 and main(args) == 0
    assert [f.stat().st_mtime_ns for f in files][1:] == before[1:] and files[0].read_bytes() == content  # repeatable
    with pytest.raises(SystemExit):
        main([*args[1:], "--window-ms", "100"])
    assert main(["--quick", "--understudy", str(tmp_path / "none"), "--out", out]) == 1
