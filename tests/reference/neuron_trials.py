"""Trials of a data set in NEURON: their events, the peaks of the voltage, and what programs that run many of them need."""

from __future__ import annotations

import os
import sys

import numpy as np

#: Peaks are looked for on this grid, and count above this voltage, as in our own engine
#: (plugin/detailed/record.go).
GRID_MS = 0.125
PEAK_ABOVE_MV = -25.0


class Stop(Exception):
    """What the user is told, and the command fails."""


def say(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def write(path: str, content) -> None:
    """Writes a file whole or not at all; content(f) writes to it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as f:
            content(f)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def find_peaks(g: np.ndarray) -> np.ndarray:
    """Times [ms] of the local maxima of voltages on the grid that are spikes."""
    here = g[1:-1]
    return (np.flatnonzero((here > g[:-2]) & (here > g[2:]) & (here > PEAK_ABOVE_MV)) + 1) * GRID_MS


def merged(channel: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The events of one ms with one event for each channel: conductances add up."""
    channel, which = np.unique(channel, return_inverse=True)
    return channel, np.bincount(which, weight)


def play(h, inputs: list, t_ms: np.ndarray, channel: np.ndarray, weight: np.ndarray | None):
    """Has events [M], whole ms in order, sent to the NetCons of their channels at every h.finitialize
    while the handler that it returns is kept. weight None is 1 for all."""
    def send():
        for t, c in zip(t_ms.tolist(), channel.tolist()):
            for nc in inputs[c]:
                nc.event(t)

    def send_weighted(t, events):
        # A NetCon has one weight, which it reads when its event arrives.
        for c, w in zip(*merged(channel[events], weight[events])):
            for nc in inputs[c]:
                nc.weight[0] = w
                nc.event(t)

    def send_later():
        for t in np.unique(t_ms).tolist():
            events = slice(*np.searchsorted(t_ms, [t, t + 1]))
            h.CVode().event(t, lambda t=t, events=events: send_weighted(t, events))

    if weight is None:
        for contacts in inputs:
            for nc in contacts:
                nc.weight[0] = 1
    return h.FInitializeHandler(1, send if weight is None else send_later)
