"""Surrogates as artificial cells of NEURON 9.

    import understudy.neuron as un
    pop = un.Population("surrogate.safetensors", 100)
    nc = h.NetCon(source, pop[3])        # weight[0]: weight, weight[1]: channel
    voltage = h.Vector().record(pop[3]._ref_v_soma, 0.5)

The mechanism is compiled when the first population is made, and kept (`build`). NEURON.md
beside this file is the manual.
"""

import ctypes
import operator
import os
import pathlib
import weakref
from collections.abc import Iterable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_uint64, c_void_p
from typing import Any, Literal

import numpy as np

from .._lib import CError, CInputRange, COptions, Error, call, sized
from ..population import EVENT, InputRange, Model, load_model, surrogate_options
from ._build import Built, build

__all__ = ["Built", "Population", "build", "load"]

_FUNCTIONS = {
    "population": (c_int, [c_uint64, POINTER(COptions), c_int, POINTER(c_int64), POINTER(CError)]),
    "alive": (c_int, [c_int]),
    "release": (None, [c_int]),
    "play": (None, [c_int, c_void_p, c_uint64]),
    "begin": (c_int, [c_int]),
    "population_error": (c_char_p, [c_int]),
    "input_range": (c_int32, [c_int, POINTER(CInputRange), POINTER(CError)]),
    "save": (c_int32, [c_int, c_void_p, c_uint64, POINTER(c_uint64), POINTER(CError)]),
    "load": (c_int32, [c_int, c_char_p, c_uint64, POINTER(CError)]),
}


class _Adapter:
    """The functions of adapter.cpp, and what must live as long as NEURON calls it."""

    def __init__(self, files: Built):
        from neuron import coreneuron, h

        if not hasattr(h, "Understudy"):
            h.nrn_load_dll(str(files.mechanism))
        if files.coreneuron:
            os.environ["CORENEURONLIB"] = str(files.coreneuron)
        self.coreneuron = files.coreneuron
        library = ctypes.CDLL(str(files.adapter))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, "understudy_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self.models: dict[int, Model] = {}  # by population
        self._enabled, self._h = coreneuron, h
        self._handler = h.FInitializeHandler(0, self._initialise)  # before all INITIAL blocks

    def _initialise(self) -> None:
        if self._enabled.enable and not self.coreneuron:
            raise RuntimeError("understudy.neuron: CoreNEURON needs load(coreneuron=True) before the first population")
        if self.begin(bool(self._enabled.enable)):
            self._h.stoprun = 0  # an error of the last run had set it

    def keep(self, number: int, model: Model) -> None:
        """Keeps a population's model open, and no other for which there is no need."""
        self.models = {n: m for n, m in self.models.items() if self.alive(n)} | {number: model}


_loaded: _Adapter | None = None


def load(mods: Iterable[str | os.PathLike] = (), *, coreneuron: bool = False) -> None:
    """Makes the mechanism known to NEURON; the first Population does it where this was not called.

    coreneuron: for CoreNEURON too, which loads one mechanism library only: mods are folders
    of the other MOD files that the simulation uses; do not load these otherwise.
    """
    global _loaded
    if _loaded is None:
        _loaded = _Adapter(build(mods, coreneuron=coreneuron))
    elif list(mods) or (coreneuron and not _loaded.coreneuron):
        raise RuntimeError("understudy.neuron is loaded already: call load before the first population")


class Population:
    """n surrogate neurons of a model, each an artificial cell of NEURON, the mechanism Understudy.

    model: an `understudy.Model`, or the path or bytes of a model file. precision, spikes, seed,
    kernel: as of `understudy.Population`. gids: n global identifiers, under which the cells are
    known to ParallelContext; each process makes those that it has. With spikes="sample" a neuron
    draws by its gid, or by its index where there are none.

    pop[i] is the cell of neuron i, for `h.NetCon` as target and as source. Its range variables:
      v_soma       soma voltage [mV] at t = k ms, set at k+1 ms; NaN where the model has none
      p_spike      probability of a spike in step k, set at k+1 ms, when the spike leaves
      p_threshold  the model's: a spike where p_spike reaches it
    A NetCon onto a cell has weight[0], which is 1 for one presynaptic spike, and weight[1], the
    channel. An event at t belongs to step floor(t + 1e-6 ms).

    A wrong event, say to a channel that the model does not have, stops the run: with RuntimeError,
    or where NEURON has several threads with a message that `check` repeats as an error.
    """

    def __init__(
        self,
        model: Any,
        n: int,
        *,
        precision: Literal["f32", "int8", "bf16"] = "f32",
        spikes: Literal["threshold", "sample"] = "threshold",
        seed: int = 0,
        kernel: str | None = None,
        gids: Iterable[int] | None = None,
    ):
        n = operator.index(n)
        self.gids: list[int] | None = None if gids is None else [operator.index(g) for g in gids]
        if self.gids is not None and len(self.gids) != n:
            raise ValueError(f"{len(self.gids)} gids for {n} neurons")
        self.model: Model = model if isinstance(model, Model) else load_model(model)
        self.info: dict = self.model.info
        self.channels: int = self.info["channels"]
        load()
        from neuron import h

        assert _loaded is not None
        self._adapter = _loaded
        options = surrogate_options(kernel, 0, precision, spikes, seed)
        numbers = np.array(range(max(n, 0)) if self.gids is None else self.gids, np.int64)
        error = CError(ctypes.sizeof(CError))
        number = self._adapter.population(self.model.handle, byref(options), n, numbers.ctypes.data_as(POINTER(c_int64)), byref(error))
        if number <= 0:
            raise Error(-number, error.message.decode("utf-8", "replace"))
        self._number = number
        self._adapter.keep(number, self.model)
        weakref.finalize(self, self._adapter.release, number).atexit = False
        self._cells: list = []
        for i in range(n):
            cell = h.Understudy()
            if cell.attach(number, i) < 0:
                raise RuntimeError("a mechanism Understudy of another build is loaded: rebuild your mechanisms with understudy.neuron.build")
            cell.p_threshold = self.info["spike_threshold"]
            self._cells.append(cell)
        if self.gids is not None:
            pc = h.ParallelContext()
            for gid, cell in zip(self.gids, self._cells, strict=True):
                pc.set_gid2node(gid, pc.id())
                pc.cell(gid, h.NetCon(cell, None))

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, i):
        return self._cells[i]

    def __iter__(self) -> Iterator:
        return iter(self._cells)

    def connect(self, source, i: int, channel: int = 0, weight: float = 1.0, delay: float = 1.0):
        """A new h.NetCon from an artificial cell, or the gid of any cell, onto a channel of neuron i."""
        from neuron import h

        channel = operator.index(channel)
        if not 0 <= channel < self.channels:
            raise ValueError(f"channel {channel}: the model has {self.channels}")
        if isinstance(source, int):
            nc = h.ParallelContext().gid_connect(source, self._cells[i])
        else:
            nc = h.NetCon(source, self._cells[i])
        nc.weight[0], nc.weight[1], nc.delay = weight, channel, delay
        return nc

    def play(self, events: np.ndarray) -> None:
        """Gives the neurons recorded events, an array of `understudy.events`, from the next finitialize on.

        t_ms is when they arrive, 0 or later; neuron is the index here. They cost far less than
        events of NEURON.
        """
        events = np.ascontiguousarray(events, EVENT)
        bad = ~(events["t_ms"] >= 0) | (events["neuron"] < 0) | (events["neuron"] >= len(self)) | (events["channel"] < 0) | (events["channel"] >= self.channels)
        bad |= ~np.isfinite(events["t_ms"]) | ~np.isfinite(events["weight"])
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"event {i}, {events[i]}: want finite t_ms from 0 on and weight, neurons below {len(self)}, channels below {self.channels}")
        self._adapter.play(self._number, events.ctypes.data, len(events))

    def record_spikes(self):
        """Two h.Vector, filled as NEURON runs: the times [ms] of all spikes, and the neurons' indices."""
        from neuron import h

        times, indices = h.Vector(), h.Vector()
        for i, cell in enumerate(self._cells):
            h.NetCon(cell, None).record(times, indices, i)
        return times, indices

    def input_range(self) -> InputRange:
        """How much of the input since finitialize the model never saw in training; see `understudy.Population`."""
        r = CInputRange(ctypes.sizeof(CInputRange))
        call(self._adapter.input_range, self._number, byref(r))
        return InputRange(bool(r.known), *(getattr(r, name) for name in InputRange._fields[1:]))

    def save(self) -> bytes:
        """The neurons' state, which NEURON's SaveState does not have. Save both at the same time."""
        return sized(self._adapter.save, self._number)

    def load(self, state: bytes) -> None:
        """Restores it, after `finitialize` and `SaveState.restore`, with as many threads as then."""
        state = bytes(state)
        call(self._adapter.load, self._number, state, len(state))

    def check(self) -> None:
        """Raises RuntimeError if an event since `finitialize` was wrong, with what was wrong."""
        text = self._adapter.population_error(self._number).decode("utf-8", "replace")
        if text:
            raise RuntimeError(text)

    def __repr__(self) -> str:
        return f"<understudy.neuron.Population: {len(self)} neurons of {self.info['name']!r}>"
