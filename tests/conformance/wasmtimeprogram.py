"""Answers requests on standard input by calls of the WebAssembly guest in wasmtime: the other side of TestWasmtime.
cprogram/server.c describes the requests. Usage: wasmtimeprogram.py GUEST"""

import struct
import sys

import wasmtime


class Guest:
    """The guest's functions and memory. WASI is there and grants nothing: no files, arguments, environment, streams."""

    def __init__(self, path):
        config = wasmtime.Config()
        config.cache = True  # compiled code, between runs
        engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(engine)
        self.store.set_wasi(wasmtime.WasiConfig())
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, wasmtime.Module.from_file(engine, path)).exports(self.store)
        self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]
        self.small = self.alloc(512)
        self.buffers = []

    def __call__(self, verb, *arguments):
        return self.exports["us_" + verb](self.store, *arguments)

    def alloc(self, size):
        at = self("alloc", max(size, 1)) & 0xFFFFFFFF
        if at == 0:
            raise MemoryError(size)
        return at

    def put(self, data):
        """A buffer with this in it, until the request is answered."""
        at = self.alloc(len(data))
        self.buffers.append(at)
        self.memory.write(self.store, data, at)
        return at

    def get(self, at, size):
        return bytes(self.memory.read(self.store, at, at + size))

    def free(self):
        for at in self.buffers:
            self("free", at)
        self.buffers = []

    def check(self, status):
        """Raises the guest's message where a status is not 0."""
        if status:
            n = self("last_message", self.small, 512)
            raise GuestError(status, self.get(self.small, n))

    def word(self):
        return struct.unpack("<q", self.get(self.small, 8))[0]

    def info(self, handle):
        self.check(self("population_info", handle, self.small))
        return struct.pack("<I", 48) + self.get(self.small + 4, 44)


class GuestError(Exception):
    def __init__(self, status, message):
        self.status, self.message = status, message


def create(guest, verb, arguments):
    (n,) = struct.unpack_from("<i", arguments)
    if verb == b"C":
        name = arguments[4:]
        guest.check(guest("cell_population_create", guest.put(name), len(name), n, 0, 0, guest.small))
        return guest.word()
    precision, spikes, seed = struct.unpack_from("<iiq", arguments, 4)
    model = arguments[20:]
    guest.check(guest("model_open_bytes", guest.put(model), len(model), guest.small))
    handle = guest.word()
    try:
        guest.check(guest("population_create", handle, n, precision, spikes, seed, guest.small))
        return guest.word()
    finally:
        guest("model_close", handle)


def step(guest, handle, arguments):
    """Returns the outputs after the call, and its status."""
    steps, count, capacity, wanted, length = struct.unpack_from("<iQQBB", arguments)
    rest = arguments[struct.calcsize("<iQQBB"):]
    name, (head_capacity,), rest = rest[:length], struct.unpack_from("<Q", rest, length), rest[length + 8:]
    events, rest = rest[: 24 * count], rest[24 * count:]
    at, outputs = [], []
    for bit, size in ((1, 4), (2, 4), (4, 1)):
        if not wanted & bit:
            at.append(0)
            continue
        at.append(guest.put(rest[: size * capacity]))
        outputs.append((at[-1], size * capacity))
        rest = rest[size * capacity:]
    heads = 0
    if name:
        values = guest.put(rest)
        outputs.append((values, len(rest)))
        heads = guest.put(struct.pack("<IIII", guest.put(name), len(name), values, head_capacity))
    status = guest("population_step", handle, steps, guest.put(events) if count else 0, count, *at, capacity, heads, 1 if name else 0)
    return b"".join(guest.get(*o) for o in outputs), status


def answer(guest, verb, handle, arguments):
    if verb == b"I":
        guest.check(guest("population_input_range", handle, guest.small))
        return struct.pack("<I", 56) + guest.get(guest.small + 4, 52)
    if verb == b"R":
        guest.check(guest("population_reset", handle))
    elif verb == b"W":
        guest.check(guest("population_save", handle, 0, 0, guest.small))
        size = guest.word()
        state = guest.put(bytes(size))
        guest.check(guest("population_save", handle, state, size, guest.small))
        return guest.get(state, size)
    elif verb == b"L":
        guest.check(guest("population_load", handle, guest.put(arguments), len(arguments)))
    elif verb == b"D":
        guest.check(guest("population_destroy", handle))
    return b""


def main():
    guest = Guest(sys.argv[1])
    read, write = sys.stdin.buffer, sys.stdout.buffer
    while head := read.read(4):
        request = read.read(struct.unpack("<I", head)[0])
        verb, handle, arguments = request[:1], struct.unpack_from("<q", request, 1)[0], request[9:]
        result, status, message = b"", 0, b""
        try:
            if verb in b"MC":
                handle = create(guest, verb, arguments)
                result = struct.pack("<q", handle) + guest.info(handle)
            elif verb == b"S":
                result, status = step(guest, handle, arguments)
                guest.check(status)
            else:
                result = answer(guest, verb, handle, arguments)
        except GuestError as e:
            status, message = e.status, e.message
        guest.free()
        try:
            (now,) = struct.unpack_from("<q", guest.info(handle), 16)
        except GuestError:
            now = -1
        write.write(struct.pack("<iqI", status, now, len(message)) + message + struct.pack("<I", len(result)) + result)
        write.flush()


main()
