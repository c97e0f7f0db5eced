"""The operations against PyTorch's own and against finite differences."""

import numpy as np
import torch
import torch.nn.functional as F

from understudy.train import ops
from understudy.train.data import Trial, make_batch


def test_causal_conv_equals_conv1d():
    for kernel, dilation in ((1, 1), (2, 3), (4, 7), (4, 40)):  # the last reaches past the start
        x = torch.randn(30, 2, 5, dtype=torch.float64, requires_grad=True)
        w = torch.randn(3, 5, kernel, dtype=torch.float64, requires_grad=True)
        y = ops.CausalConv.apply(x, w, dilation, False)
        pad = F.pad(x.permute(1, 2, 0), ((kernel - 1) * dilation, 0))
        want = F.conv1d(pad, w, dilation=dilation).permute(2, 0, 1)
        torch.testing.assert_close(y, want)
        assert torch.autograd.gradcheck(lambda a, b: ops.CausalConv.apply(a, b, dilation, False), (x, w))


def test_causal_conv_bf16_is_close():
    x, w = torch.randn(50, 2, 8, requires_grad=True), torch.randn(8, 8, 4, requires_grad=True)
    exact = ops.CausalConv.apply(x, w, 2, False)
    ga = torch.autograd.grad(exact.sum(), (x, w))
    rough = ops.CausalConv.apply(x, w, 2, True)
    gb = torch.autograd.grad(rough.sum(), (x, w))
    for a, b in ((exact, rough), *zip(ga, gb)):
        assert (a - b).abs().max() < 0.02 * a.abs().max()


def test_depthwise_equals_conv1d(monkeypatch):
    monkeypatch.setattr(ops, "_ROWS", 16)  # several blocks, taps that cross them
    x = torch.randn(25, 3, 4, dtype=torch.float64, requires_grad=True)
    w = torch.randn(4, 1, 9, dtype=torch.float64, requires_grad=True)
    want = F.conv1d(F.pad(x.permute(1, 2, 0), (8, 0)), w, groups=4).permute(2, 0, 1)
    torch.testing.assert_close(ops.CausalDepthwise.apply(x, w), want)
    assert torch.autograd.gradcheck(ops.CausalDepthwise.apply, (x, w))


def test_event_sum_equals_dense_product():
    rng = np.random.default_rng(0)
    channels, steps = 7, 40
    trials, dense = [], []
    for k in range(3):
        step = np.sort(rng.integers(steps, size=90))
        ch = rng.integers(channels, size=90).astype(np.int16)
        w = rng.uniform(0.5, 2, 90).astype(np.float32) if k else None
        start = np.concatenate([[0], np.cumsum(np.bincount(step, minlength=steps))]).astype(np.int32)
        trials.append(Trial(k, ch, start, w, np.zeros(steps, bool), np.zeros(steps, np.float32)))
        d = np.zeros((steps, channels), np.float32)
        np.add.at(d, (step, ch), 1 if w is None else w)
        dense.append(d[5:35])
    b = make_batch([(t, 5) for t in trials], 30, channels, 0)
    table = torch.randn(channels, 4, requires_grad=True)
    y = ops.EventSum.apply(table, *(torch.from_numpy(a) for a in (
        b.channels, b.offsets, b.weights, b.t_bags, b.t_offsets, b.t_weights)))
    x = torch.from_numpy(np.concatenate(dense))
    torch.testing.assert_close(y, x @ table)
    g = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, table, g)[0], x.T @ g)
