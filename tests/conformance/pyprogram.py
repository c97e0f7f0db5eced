"""Answers requests on standard input by calls of the understudy package: the
Python side of TestPython. cprogram/server.c describes the requests."""

import struct
import sys

import numpy as np

import understudy


def create(verb, arguments):
    (n,) = struct.unpack_from("<i", arguments)
    if verb == b"C":
        return understudy.Cell(arguments[4:].decode(), n)
    precision, spikes, seed = struct.unpack_from("<IIQ", arguments, 4)
    return understudy.Population(
        arguments[20:], n, precision=("f32", "int8", "bf16")[precision], spikes=("threshold", "sample")[spikes], seed=seed
    )


def step(pop, arguments):
    """Returns the outputs after the call, and what was raised."""
    steps, count, capacity, wanted = struct.unpack_from("<iQQB", arguments)
    rest = memoryview(arguments)[struct.calcsize("<iQQB"):]
    name, rest = bytes(rest[1 : 1 + rest[0]]).decode(), rest[1 + rest[0] :]
    (head_capacity,), rest = struct.unpack_from("<Q", rest), rest[8:]
    given = np.frombuffer(rest[: count * understudy.EVENT.itemsize], understudy.EVENT)
    rest = rest[given.nbytes:]
    out = []
    for bit, dtype in ((1, np.float32), (2, np.float32), (4, np.bool_)):
        size = capacity * np.dtype(dtype).itemsize if wanted & bit else 0
        out.append(np.frombuffer(rest[:size], dtype).copy() if size else None)
        rest = rest[size:]
    head = np.frombuffer(rest[: 4 * head_capacity], np.float32).copy()
    out = understudy.Output(*out, heads={name: head} if name else None)
    error = None
    try:
        # Built from columns, as a user would.
        events = understudy.events(given["t_ms"], given["neuron"], given["channel"], given["weight"])
        same = pop.step(steps, events, out=out)
        assert same is out
    except understudy.Error as e:
        error = e
    return b"".join(a.tobytes() for a in (*out[:3], head) if a is not None), error


def main():
    populations = {}
    read, write = sys.stdin.buffer, sys.stdout.buffer
    while head := read.read(4):
        request = read.read(struct.unpack("<I", head)[0])
        verb, handle, arguments = request[:1], struct.unpack_from("<Q", request, 1)[0], request[9:]
        result, error = b"", None
        pop = populations.get(handle)
        try:
            if verb in b"MC":
                pop = create(verb, arguments)
                handle = len(populations) + 1
                populations[handle] = pop
                kind = {"detailed": 1, "surrogate": 2}[pop.kind]
                result = struct.pack("<QIiiiqqdd", handle, 48, kind, pop.n, pop.channels, pop.now, pop.state_bytes,
                                     pop.macs_per_ms, pop.macs_per_event)
            elif verb == b"S":
                result, error = step(pop, arguments)
            elif verb == b"I":
                r = pop.input_range()
                result = struct.pack("<IIqqqqqff", 56, *r)
            elif verb == b"R":
                pop.reset()
            elif verb == b"W":
                result = pop.save()
            elif verb == b"L":
                pop.load(arguments)
            elif verb == b"D":
                pop.close()
        except understudy.Error as e:
            error = e
        message = str(error).encode() if error else b""
        try:
            now = pop.now
        except (understudy.Error, AttributeError):
            now = -1
        write.write(struct.pack("<iqI", error.status if error else 0, now, len(message)) + message)
        write.write(struct.pack("<I", len(result)) + result)
        write.flush()


main()
