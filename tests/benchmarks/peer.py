"""What the programs of the peers share: how they talk to the benchmark.

A peer is started as `python PEER.py ... REQUEST.json` with what bench.go wrote,
sets its cells up, and answers in lines of JSON: first {"ready": ...}, then for every
line `MS` on its standard input {"cpu_s": ..., "spikes": ...}: the CPU time [s]
of this process, user and system, that the next MS milliseconds took, and how many spikes all cells
emitted in them. It ends with its input.
"""

import json
import os
import resource
import sys

# Simulators print; what they print belongs to the log.
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def request():
    with open(sys.argv[-1]) as f:
        return json.load(f)


def answer(value):
    print(json.dumps(value), file=_answers, flush=True)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime  # only the sum is exact on most kernels


def serve(ready, run):
    """Answers with run(ms), which returns (CPU seconds, spikes), until the input ends."""
    answer({"ready": ready})
    for line in sys.stdin:
        cpu, spikes = run(float(line))
        answer({"cpu_s": cpu, "spikes": spikes})
