"""Populations of neurons, surrogate and detailed, stepped 1 ms at a time."""

import ctypes
import json
import operator
import os
import weakref
from collections.abc import Iterable
from ctypes import byref, c_int64, c_uint64
from typing import Any, Literal, NamedTuple, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._lib import ABI_VERSION, CCellOptions, CHead, CInfo, CInputRange, COptions, COutput, Error, call, lib, sized

__all__ = ["EVENT", "Cell", "Error", "InputRange", "Model", "Output", "Population", "events", "load_model"]

EVENT = np.dtype(
    [("t_ms", "<f8"), ("neuron", "<i4"), ("channel", "<i4"), ("weight", "<f4"), ("reserved", "<u4")]
)
"""Dtype of an event: time since the last reset [ms], target neuron, synaptic input, weight (1 is one spike)."""

_KINDS = {1: "detailed", 2: "surrogate"}
_PRECISIONS = {"f32": 0, "int8": 1, "bf16": 2}
_SPIKES = {"threshold": 0, "sample": 1}


class Output(NamedTuple):
    """What a step computes, each array [steps, n]; None where it is not wanted.

    Step k covers [k, k+1) ms.
    """

    p_spike: NDArray[np.float32] | None
    """float32: probability of a spike in step k; 0 or 1 in a detailed population."""
    v_soma_mv: NDArray[np.float32] | None
    """float32: soma voltage [mV] at k ms; NaN where the model has none."""
    spike: NDArray[np.bool_] | None
    """bool: the neuron emits a spike in step k, which leaves at k+1 ms."""
    heads: dict[str, NDArray[np.float32]] | None = None
    """float32 [steps, n, channels] of each further output of the model that was asked for, in its unit."""


class InputRange(NamedTuple):
    """How much of a surrogate's input lay outside the range that its model saw in training."""

    known: bool
    """The model records such a range; otherwise nothing counts as outside."""
    steps: int
    """Steps (ms) done, over all neurons."""
    steps_outside: int
    """Of these, with more or fewer events than in training."""
    events: int
    """Events received."""
    weights_outside: int
    """Of these, with a weight outside that of training."""
    max_events_per_ms: int
    """Most events of one neuron in one step."""
    min_weight: float
    """Of the events received; 0 when there were none."""
    max_weight: float


def _choice(name: str, value: str, numbers: dict[str, int]) -> int:
    if value not in numbers:
        raise ValueError(f"{name} is {value!r}, expected {' or '.join(map(repr, numbers))}")
    return numbers[value]


def _int32(name: str, value: SupportsIndex) -> int:
    """ctypes would cut off the upper bits."""
    number = operator.index(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{name} is {number}")
    return number


def _checked(name: str, a: object, dtype: DTypeLike) -> NDArray[Any]:
    if not isinstance(a, np.ndarray) or a.dtype != dtype or not a.flags.c_contiguous or not a.flags.writeable:
        raise TypeError(f"{name} must be a writeable C-contiguous array of {np.dtype(dtype)}")
    return a


def events(t_ms: ArrayLike, neuron: ArrayLike, channel: ArrayLike, weight: ArrayLike = 1.0) -> NDArray[np.void]:
    """An array of events from arrays or numbers, which broadcast."""
    t_ms, neuron, channel, weight = np.broadcast_arrays(t_ms, neuron, channel, weight)
    if neuron.size and (neuron.dtype.kind not in "iu" or channel.dtype.kind not in "iu"):
        raise TypeError("neuron and channel must be integers")
    for name, a in (("neuron", neuron), ("channel", channel)):
        if a.size and (a.min() < -(2**31) or a.max() >= 2**31):
            raise ValueError(f"{name} does not fit into 32 bits")
    e = np.zeros(t_ms.size, EVENT)
    e["t_ms"], e["neuron"], e["channel"], e["weight"] = t_ms.ravel(), neuron.ravel(), channel.ravel(), weight.ravel()
    return e


def surrogate_options(kernel: str | None, threads: int, precision: str, spikes: str, seed: int) -> COptions:
    """The options of `Population`, for the library. ValueError where one is not known."""
    seed = operator.index(seed)
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}, expected 0 to 2**64-1")
    return COptions(
        ctypes.sizeof(COptions),
        ABI_VERSION,
        kernel.encode() if kernel else None,
        _int32("threads", threads),
        _choice("precision", precision, _PRECISIONS),
        _choice("spikes", spikes, _SPIKES),
        0,
        seed,
    )


Source = str | os.PathLike[str] | bytes | bytearray | memoryview
"""A model file: its path, or its bytes. A str is always a path."""


class Model:
    """An open model file; see `load_model`."""

    def __init__(self, source: Source) -> None:
        handle = c_uint64()
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = bytes(source)
            call(lib.us_model_open_bytes, source, len(source), byref(handle))
        else:
            call(lib.us_model_open, os.fsencode(source), byref(handle))
        self._handle = handle.value
        self._close = weakref.finalize(self, lib.us_model_close, self._handle, None)

    @property
    def handle(self) -> int:
        """The us_model of understudy.h, which is closed when this object is gone."""
        return self._handle

    @property
    def info(self) -> dict[str, Any]:
        """Name, channels, layers, receptive field, cost, heads, whether int8 is possible, training range, provenance."""
        info: dict[str, Any] = json.loads(sized(lib.us_model_info_json, self._handle)[:-1])
        return info

    def __repr__(self) -> str:
        i = self.info
        return f"<understudy.Model {i['name']!r}: {i['channels']} channels, {i['parameters']} parameters>"


def load_model(path: Source) -> Model:
    """Opens a model file (.safetensors), or one held in bytes, and checks it in full."""
    return Model(path)


_S = TypeVar("_S", bound="_Stepped")


class _Stepped:
    """What surrogate and detailed populations share. Use it from one thread at a time."""

    heads: dict[str, int] = {}
    """The outputs that `step` can give by name, with their numbers of channels."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._close = weakref.finalize(self, lib.us_population_destroy, handle, None)
        info = self._info()
        self.kind: str = _KINDS.get(info.kind, "unknown")
        self.n: int = info.n
        self.channels: int = info.channels
        self.state_bytes: int = info.state_bytes
        self.macs_per_ms: float = info.macs_per_ms
        self.macs_per_event: float = info.macs_per_event

    def _info(self) -> CInfo:
        info = CInfo(ctypes.sizeof(CInfo))
        call(lib.us_population_info, self._handle, byref(info))
        return info

    @property
    def now(self) -> int:
        """Steps (ms) done since the last reset."""
        now = c_int64()
        call(lib.us_population_now, self._handle, byref(now))
        return now.value

    def step(
        self,
        steps: int = 1,
        events: NDArray[np.void] | None = None,
        *,
        out: Output | None = None,
        heads: Iterable[str] = (),
    ) -> Output:
        """Advances by `steps` ms.

        events: those of these steps, in any order: an array of dtype EVENT, as
        `understudy.events` makes. A contiguous one is not copied.
        out: arrays to write to, C-contiguous, at least steps*n long, float32,
        float32 and bool, None where not wanted; they are returned. Without it
        new ones are made.
        heads: names of further outputs to make, of `self.heads`; those of `out`
        where it is given.

        Raises Error; then nothing has advanced and `out` is as it was. Other threads run
        meanwhile. Ctrl-C raises KeyboardInterrupt when the call is done: cut a long run into
        several calls.
        """
        steps = _int32("steps", steps)
        if events is None or len(events) == 0:
            address, count = None, 0
        else:
            events = np.ascontiguousarray(events, EVENT)
            address, count = events.ctypes.data, events.size
        if out is None:
            shape = (max(steps, 0), self.n)
            further = {name: np.empty((*shape, self.heads.get(name, 1)), np.float32) for name in heads}
            out = Output(np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.bool_), further or None)
        elif heads:
            raise TypeError("heads beside out: put arrays into out.heads")
        given = {}
        for name, a, dtype in zip(Output._fields, out, (np.float32, np.float32, np.bool_)):
            if a is not None:
                given[name] = _checked(f"out.{name}", a, dtype)
        c = COutput(ctypes.sizeof(COutput), capacity=min((a.size for a in given.values()), default=0))
        for name, a in given.items():
            setattr(c, name, a.ctypes.data)
        if out.heads:
            arrays = {name: _checked(f"out.heads[{name!r}]", a, np.float32) for name, a in out.heads.items()}
            c.n_heads = len(arrays)
            c.heads = (CHead * len(arrays))(*(CHead(name.encode(), a.ctypes.data, a.size) for name, a in arrays.items()))
        call(lib.us_population_step, self._handle, steps, address, count, byref(c))
        return out

    def reset(self) -> None:
        """Returns to the state just after creation, at t = 0."""
        call(lib.us_population_reset, self._handle)

    def save(self) -> bytes:
        """The whole dynamic state."""
        return sized(lib.us_population_save, self._handle)

    def load(self, state: bytes) -> None:
        """Restores a state of `save`, of a population of the same model, size and options."""
        state = bytes(state)
        call(lib.us_population_load, self._handle, state, len(state))

    def close(self) -> None:
        """Frees the population. Called at the latest when it is garbage collected."""
        if self._close.detach():
            call(lib.us_population_destroy, self._handle)

    def __enter__(self: _S) -> _S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if not self._close.alive:
            return f"<understudy.{type(self).__name__}: closed>"
        return f"<understudy.{type(self).__name__}: {self.n} neurons of {self.channels} channels, at {self.now} ms>"


class Population(_Stepped):
    """n surrogate neurons of a model.

    model: a `Model`, or the path or bytes of a model file. kernel: name of the
    compute kernel, default the best for this CPU. threads: used by one step.
    precision: "f32", or "int8" for a quantised model (`understudy model quantize`):
    integers throughout, which give the same bits on every CPU, or "bf16": "f32" but for
    matrix products, whose operands are rounded to bfloat16. spikes: "threshold",
    a spike where p_spike reaches the model's threshold, or "sample", drawn with
    probability p_spike from (seed, neuron, step) alone. numbers: which neurons of a larger
    population these are, n integers of at least 0; each draws what it would draw there.
    """

    def __init__(
        self,
        model: Model | Source,
        n: int,
        *,
        kernel: str | None = None,
        threads: int = 1,
        precision: Literal["f32", "int8", "bf16"] = "f32",
        spikes: Literal["threshold", "sample"] = "threshold",
        seed: int = 0,
        numbers: ArrayLike | None = None,
    ) -> None:
        if not isinstance(model, Model):
            model = load_model(model)
        options = surrogate_options(kernel, threads, precision, spikes, seed)
        handle = c_uint64()
        call(lib.us_population_create, model._handle, _int32("n", n), byref(options), byref(handle))
        super().__init__(handle.value)
        self.heads = {head["name"]: head["count"] for head in model.info["heads"]}
        if numbers is not None:
            numbers = np.ascontiguousarray(numbers, np.int64)
            call(lib.us_population_set_numbers, self._handle, numbers.ctypes.data, numbers.size)

    def input_range(self) -> InputRange:
        """How much of the input since creation, reset or load the model never saw in training.

        Look at it before trusting a result: such input is computed all the same.
        """
        r = CInputRange(ctypes.sizeof(CInputRange))
        call(lib.us_population_input_range, self._handle, byref(r))
        return InputRange(bool(r.known), *(getattr(r, name) for name in InputRange._fields[1:]))


class Cell(_Stepped):
    """n detailed neurons of a built-in cell: "l5pc", "lif" or "passive".

    morphology: path of a reconstruction (.swc, .asc). synapses: "nmda" or
    "ampa". scheme: "backward-euler" (NEURON's fixed step, the default) or
    "crank-nicolson" (second order). dt_ms: integration step [ms], 0 for 0.025.
    threads: used by one step.
    """

    def __init__(
        self,
        name: str,
        n: int = 1,
        *,
        morphology: str | os.PathLike[str] | None = None,
        synapses: str | None = None,
        scheme: str | None = None,
        dt_ms: float = 0.0,
        threads: int = 1,
    ) -> None:
        options = CCellOptions(
            ctypes.sizeof(CCellOptions),
            ABI_VERSION,
            os.fsencode(morphology) if morphology is not None else None,
            synapses.encode() if synapses else None,
            scheme.encode() if scheme else None,
            dt_ms,
            _int32("threads", threads),
        )
        handle = c_uint64()
        call(lib.us_cell_population_create, name.encode(), _int32("n", n), byref(options), byref(handle))
        super().__init__(handle.value)
