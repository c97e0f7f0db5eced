"""What the peers share: the model file, the events, and the answers to the benchmark.

A peer's class has `steps(times)`, which advances by one ms for every entry of times, and
returns the last step's spike logit and voltage output, [neurons][2].
"""

import json
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import peer

LATEST = 3  # steps of a whole window, which is dear, that are compared


class Request:
    def __init__(self):
        for key, value in peer.request().items():
            setattr(self, key, value)
        self.document, self.tensors = read_model(self.model)
        # [step of the period][neuron][event]
        self.channels = np.ascontiguousarray(np.fromfile(self.events, "<i4").reshape(self.shape)[:, : self.neurons])

    @property
    def period(self):
        return self.shape[0]

    def layers(self):
        """[(weight [out][in][kernel], bias)] of a chain of convolutions, the heads' last."""
        chain = self.document["layers"]
        assert all(one["op"] == "conv1d" and one["in"] == [before] for one, before in zip(chain, ["events"] + [one["name"] for one in chain]))
        assert all(one.get("activation") == "relu" for one in chain[:-1])
        return [(self.tensors[one["weight"]], self.tensors[one["bias"]]) for one in chain]

    def physical(self, z):
        """Spike probability and voltage [mV] of the outputs [..., 2]."""
        spike, voltage = self.document["heads"]["spike"], self.document["heads"]["v_soma"]
        assert spike["index"] == 0 and voltage["index"] == 1
        z = np.asarray(z, np.float64)
        return 1 / (1 + np.exp(-z[..., 0])), voltage["offset"] + voltage["scale"] * z[..., 1]

    def outputs(self, first, z):
        """The answer for outputs z [step][neuron][2] from a step on."""
        p, v = self.physical(z)
        return {"from": first, "p_spike": p.tolist(), "v_soma_mv": v.tolist()}


def read_model(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    document = json.loads(header.pop("__metadata__")["understudy"])
    tensors = {}
    for name, t in header.items():
        start, end = t["data_offsets"]
        tensors[name] = np.frombuffer(data[start:end], "<f4").reshape(t["shape"])
    return document, tensors


def window_steps(request):
    """Steps that the output of a chain of convolutions depends on."""
    return 1 + sum(w.shape[2] - 1 for w, _ in request.layers())


class Window:
    """The latest steps as a dense array [neurons][channels][steps], for whole windows."""

    def __init__(self, request):
        self.channels, self.length = request.channels, window_steps(request)
        n = request.neurons
        self.room = self.length + 8
        self.dense = np.zeros((n, request.document["inputs"]["channels"], self.room), np.float32)
        self.neurons = np.repeat(np.arange(n), request.channels.shape[2])
        self.at = self.room - self.length

    def add(self, t):
        """Adds step t and returns the window that ends with it."""
        if self.at + self.length == self.room:
            self.dense[:, :, : self.length - 1] = self.dense[:, :, self.at + 1 :].copy()
            self.dense[:, :, self.length - 1 :] = 0
            self.at = -1
        self.at += 1
        np.add.at(self.dense, (self.neurons, self.channels[t % len(self.channels)].ravel(), self.at + self.length - 1), 1)
        return np.ascontiguousarray(self.dense[:, :, self.at : self.at + self.length])


def serve(request, version, subject):
    """Compares the first steps and then answers with the time of further ones."""
    if request.mode == "window":  # the last steps only, with the input before them
        first = request.check_ms - LATEST
        for t in range(first - window_steps(request), first):
            subject.window.add(t)
    else:
        first = 0
    z = [np.array(subject.steps(range(t, t + 1)))[: request.check_neurons] for t in range(first, request.check_ms)]
    now = request.check_ms

    def run(ms):
        nonlocal now
        times = range(now, now + int(ms))
        now += int(ms)
        before = peer.cpu_seconds()
        subject.steps(times)
        return peer.cpu_seconds() - before, 0

    peer.serve({"version": version, **request.outputs(first, z)}, run)
