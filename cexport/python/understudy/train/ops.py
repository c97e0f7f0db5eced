"""The operations in which training spends its time, written for CPUs.

Activations are time-major, ``[T, B, F]``: a delay of one step is then an offset
of B rows in a ``[T*B, F]`` matrix, so a causal convolution is one matrix product
per tap on shifted rows, without padding or copies.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from .data import Batch

# Rows handled at once by the depthwise convolution: its operands stay in the L2 cache.
_ROWS = 1024


class EventSum(torch.autograd.Function):
    """Sum of one table row per event, for every bag of events.

    ``apply(table, channels, offsets, weights, t_bags, t_offsets, t_weights)``:
    table ``[C, F]``; channels ``[M]`` int32, events in the order of their bags;
    offsets ``[bags]`` where each bag begins; weights ``[M]`` or None for all 1.
    The ``t_`` arguments hold the same events in the order of their channels:
    the bag of each event, ``[C]`` where each channel begins, the weights. With them the gradient is a sum of the same kind,
    ten times faster than PyTorch's own, which scatters. Returns ``[bags, F]``.
    """

    @staticmethod
    def forward(ctx, table, channels, offsets, weights, t_bags, t_offsets, t_weights):
        ctx.save_for_backward(t_bags, t_offsets)
        ctx.t_weights = t_weights
        return F.embedding_bag(channels, table, offsets, mode="sum", per_sample_weights=weights)

    @staticmethod
    def backward(ctx, grad):
        t_bags, t_offsets = ctx.saved_tensors
        g = F.embedding_bag(t_bags, grad.contiguous(), t_offsets, mode="sum",
                            per_sample_weights=ctx.t_weights)
        return g, None, None, None, None, None, None


def event_sum(table: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Rows of table ``[C, F]`` summed over the events of every step: ``[T, B, F]``."""
    def put(a: np.ndarray | None) -> torch.Tensor | None:
        return None if a is None else torch.from_numpy(a).to(table.device)

    x = EventSum.apply(table, put(batch.channels), put(batch.offsets), put(batch.weights),
                       put(batch.t_bags), put(batch.t_offsets), put(batch.t_weights))
    return x.view(batch.B, batch.T, -1).transpose(0, 1)


def shared(table: torch.Tensor, spread: torch.Tensor | None) -> torch.Tensor:
    """The table ``[C, F]`` that is used: spread ``[C, C]`` times the free one, or that itself.

    Spread (``data.spread``) averages over neighbouring segments of a section, which on a
    dendrite do nearly the same: fewer free numbers, and each has more events to learn from.
    """
    return table if spread is None else spread @ table


def _mm(a: torch.Tensor, b: torch.Tensor, bf16: bool) -> torch.Tensor:
    if bf16:
        return (a.to(torch.bfloat16) @ b.to(torch.bfloat16)).to(a.dtype)
    return a @ b


class CausalConv(torch.autograd.Function):
    """Causal dense convolution, ``apply(x, weight, dilation, bf16)``.

    x ``[T, B, I]``, weight ``[O, I, K]`` as ``nn.Conv1d``; tap K-1 is the present
    and what is before the start is zero. Returns ``[T, B, O]``. With bf16 the
    products are taken in bfloat16 (worth it only where the CPU has AMX or
    AVX512-BF16, or on a GPU).
    """

    @staticmethod
    def forward(ctx, x, weight, dilation, bf16):
        T, B, _ = x.shape
        K = weight.shape[2]
        rows = T * B
        xf = x.reshape(rows, -1)
        taps = weight.permute(2, 1, 0).contiguous()
        y = _mm(xf, taps[K - 1], bf16)
        for j in range(K - 1):
            s = (K - 1 - j) * dilation * B
            if s >= rows:
                continue
            if bf16:
                y[s:] += _mm(xf[: rows - s], taps[j], True)
            else:
                y[s:].addmm_(xf[: rows - s], taps[j])
        ctx.save_for_backward(xf, taps)
        ctx.sizes = (T, B, dilation, bf16)
        return y.view(T, B, -1)

    @staticmethod
    def backward(ctx, grad):
        xf, taps = ctx.saved_tensors
        T, B, dilation, bf16 = ctx.sizes
        K = taps.shape[0]
        rows = T * B
        g = grad.reshape(rows, -1)
        gx = _mm(g, taps[K - 1].t(), bf16)
        gw = torch.zeros_like(taps)
        gw[K - 1] = _mm(xf.t(), g, bf16)
        for j in range(K - 1):
            s = (K - 1 - j) * dilation * B
            if s >= rows:
                continue
            gw[j] = _mm(xf[: rows - s].t(), g[s:], bf16)
            if bf16:
                gx[: rows - s] += _mm(g[s:], taps[j].t(), True)
            else:
                gx[: rows - s].addmm_(g[s:], taps[j].t())
        return gx.view(T, B, -1), gw.permute(2, 1, 0), None, None


class CausalDepthwise(torch.autograd.Function):
    """Causal convolution of each feature by itself, ``apply(x, weight)``.

    x ``[T, B, F]``, weight ``[F, 1, K]`` as ``nn.Conv1d`` with groups=F, dilation 1.
    Returns ``[T, B, F]``. Runs over blocks of rows that stay in the cache.
    """

    @staticmethod
    def forward(ctx, x, weight):
        T, B, C = x.shape
        rows = T * B
        xf = x.reshape(rows, C)
        taps = weight[:, 0, :].t().contiguous()
        K = taps.shape[0]
        y = torch.empty_like(xf)
        for a in range(0, rows, _ROWS):
            e = min(rows, a + _ROWS)
            torch.mul(xf[a:e], taps[K - 1], out=y[a:e])
            for j in range(K - 1):
                s = (K - 1 - j) * B
                lo = max(a, s)
                if lo < e:
                    y[lo:e].addcmul_(xf[lo - s : e - s], taps[j])
        ctx.save_for_backward(xf, taps)
        ctx.sizes = (T, B, C)
        return y.view(T, B, C)

    @staticmethod
    def backward(ctx, grad):
        xf, taps = ctx.saved_tensors
        T, B, C = ctx.sizes
        rows = T * B
        K = taps.shape[0]
        g = grad.reshape(rows, C)
        gx = torch.empty_like(xf)
        gw = torch.zeros_like(taps)
        for a in range(0, rows, _ROWS):
            e = min(rows, a + _ROWS)
            torch.mul(g[a:e], taps[K - 1], out=gx[a:e])
            for j in range(K):
                s = (K - 1 - j) * B
                hi = min(e, rows - s)
                if j < K - 1 and a < hi:
                    gx[a:hi].addcmul_(g[a + s : hi + s], taps[j])
                lo = max(a, s)
                if lo < e:
                    gw[j] += (xf[lo - s : e - s] * g[lo:e]).sum(0)
        return gx.view(T, B, C), gw.t().unsqueeze(1)


class LeakySum(torch.autograd.Function):
    """``s[t] = keep * s[t-1] + x[t]``, ``apply(x, keep)``: x ``[T, B, F]``, keep ``[F]``."""

    @staticmethod
    def forward(ctx, x, keep):
        s = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        last = torch.zeros_like(s[0])
        for now, to in zip(x.unbind(), s.unbind()):
            last = torch.addcmul(now, keep, last, out=to)
        ctx.save_for_backward(s, keep)
        return s

    @staticmethod
    def backward(ctx, grad):
        s, keep = ctx.saved_tensors
        g = torch.empty_like(s)
        last = torch.zeros_like(s[0])
        for now, to in zip(reversed(grad.unbind()), reversed(g.unbind())):
            last = torch.addcmul(now, keep, last, out=to)
        return g, (s[:-1] * g[1:]).sum((0, 1))


class Memory(torch.autograd.Function):
    """The memory of an ELM neuron, ``apply(drive, recurrent, change, bias, decay, gain)``.

    ``m[t] = decay * m[t-1] + gain * tanh(2/3 * (change @ silu(drive[t] + recurrent @ (decay * m[t-1])) + bias))``
    with drive ``[T, B, H]``, recurrent ``[H, M]``, change ``[M, H]``, bias, decay and gain ``[M]``, of
    which decay and gain have no gradient. Returns m ``[T, B, M]``. A step is a few operations on small
    matrices: without autograd's own bookkeeping, and with the gradients of the weights taken over all
    steps at once, it takes less than half of the time.
    """

    SLOPE = 2 / 3

    @staticmethod
    def forward(ctx, drive, recurrent, change, bias, decay, gain):
        T, B, H = drive.shape
        M = decay.shape[0]
        m, left, q = (drive.new_empty(T, B, M) for _ in range(3))
        z, h = torch.empty_like(drive), torch.empty_like(drive)
        into, out = recurrent.t(), (change * Memory.SLOPE).t()
        b = bias * Memory.SLOPE
        last = drive.new_zeros(B, M)
        silu = torch.ops.aten.silu.out
        for d, zt, ht, qt, mt, lt in zip(*(a.unbind() for a in (drive, z, h, q, m, left))):
            torch.mul(last, decay, out=lt)
            torch.addmm(d, lt, into, out=zt)
            silu(zt, out=ht)
            torch.addmm(b, ht, out, out=qt)
            qt.tanh_()
            last = torch.addcmul(lt, gain, qt, out=mt)
        ctx.save_for_backward(z, h, q, left, recurrent, change, decay, gain)
        return m

    @staticmethod
    def backward(ctx, grad):
        z, h, q, left, recurrent, change, decay, gain = ctx.saved_tensors
        T, B, H = z.shape
        M = decay.shape[0]
        change = change * Memory.SLOPE
        # What each step's gradient is multiplied by, replaced by the gradients themselves.
        dq = (1 - q * q).mul_(gain)
        sig = torch.sigmoid(z)
        dz = (1 - sig).mul_(z).add_(1).mul_(sig)
        g, dh, carry = z.new_empty(B, M), z.new_empty(B, H), z.new_zeros(B, M)
        for gt, qt, zt in zip(*(reversed(a.unbind()) for a in (grad, dq, dz))):
            torch.addcmul(gt, decay, carry, out=g)
            qt.mul_(g)
            torch.mm(qt, change, out=dh)
            zt.mul_(dh)
            torch.addmm(g, zt, recurrent, out=carry)
        flat = dz.view(T * B, H)
        fq = dq.view(T * B, M)
        return (dz, flat.t() @ left.view(T * B, M), (fq.t() @ h.view(T * B, H)) * Memory.SLOPE,
                fq.sum(0) * Memory.SLOPE, None, None)
