"""Runs NAME.wasm in wasmtime and compares with NAME.json, bit for bit: python wasmtime_bits.py FOLDER"""
import json
import pathlib
import struct
import sys

import wasmtime

names = sorted(pathlib.Path(sys.argv[1]).glob("*.wasm"))
assert names, "no modules"
for path in names:
    want = json.loads(path.with_suffix(".json").read_text())
    store = wasmtime.Store()
    x = wasmtime.Instance(store, wasmtime.Module.from_file(store.engine, str(path)), []).exports(store)
    n = want["n"]

    def read(name, count, form):
        at = x[name](store)
        return list(struct.unpack(f"<{count}{form}", x["memory"].read(store, at, at + struct.calcsize(f"<{count}{form}"))))

    assert x["create"](store, n, 100, 1 << 14) == 0
    for i, b in enumerate(want["blocks"]):
        events = b"".join(struct.pack("<diif4x", e["tMS"], e["neuron"], e["channel"], e["weight"]) for e in b["events"])
        x["memory"].write(store, events, x["events"](store))
        if i == 2:
            assert x["save"](store) == 0 and x["step"](store, 1, 0) == 0 and x["load"](store) == 0
        assert x["step"](store, b["steps"], len(b["events"])) == 0
        count = b["steps"] * n
        assert read("p_spike", count, "I") == b["pSpike"], (path.name, i)
        assert read("v_soma", count, "I") == b["vSoma"], (path.name, i)
        assert read("spike", count, "B") == b["spike"], (path.name, i)
    print(path.name, "same bits")
