"""A packed neuron in wasmtime: pip install numpy wasmtime, then python wasm_tutorial.py neuron.wasm

Make the file with: understudy wasm pack l5pc -o neuron.wasm
"""
import json
import sys

import numpy as np
import wasmtime

EVENT = np.dtype([("t_ms", "<f8"), ("neuron", "<i4"), ("channel", "<i4"), ("weight", "<f4"), ("unused", "<i4")])
N, STEPS, BLOCK = 4, 2000, 50

store = wasmtime.Store()
module = wasmtime.Module.from_file(store.engine, sys.argv[1] if len(sys.argv) > 1 else "neuron.wasm")
exports = wasmtime.Instance(store, module, []).exports(store)  # nothing is imported: it can reach nothing


def call(name, *args):
    return exports[name](store, *args)


def read(address, count, dtype):
    return np.frombuffer(exports["memory"].read(store, address, address + count * np.dtype(dtype).itemsize), dtype)


info = json.loads(read(call("describe"), call("describe_size"), np.uint8).tobytes())
print(f"{info['name']}: {info['kind']}, {info['precision']}, {info['channels']} channels")


def do(name, *args):
    status = call(name, *args)
    if status:
        raise RuntimeError(f"{name}: {info['status'][status]}")


do("create", N, BLOCK, 1 << 16)
rng = np.random.default_rng(1)
spikes, voltage = np.zeros(N, int), np.zeros(N)
for t in range(0, STEPS, BLOCK):
    # Poisson input: each neuron's is a little stronger than that of the one before.
    parts = []
    for neuron in range(N):
        count = rng.poisson(0.008 * info["channels"] * BLOCK * (1 + neuron / 3))
        part = np.zeros(count, EVENT)
        part["t_ms"], part["neuron"], part["weight"] = t + BLOCK * rng.random(count), neuron, 1
        part["channel"] = rng.integers(0, info["channels"] * 3 // 4, count)  # the second half inhibits
        parts.append(part)
    events = np.concatenate(parts)
    exports["memory"].write(store, events.tobytes(), call("events"))
    do("step", BLOCK, len(events))
    spikes += read(call("spike"), BLOCK * N, np.uint8).reshape(BLOCK, N).sum(0, dtype=int)
    voltage += read(call("v_soma"), BLOCK * N, np.float32).reshape(BLOCK, N).sum(0) / STEPS
for i in range(N):
    print(f"neuron {i}: {spikes[i] / (STEPS / 1000):.1f} spikes/s, mean voltage {voltage[i]:.1f} mV")
