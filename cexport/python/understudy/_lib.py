"""Finds libunderstudy and declares its functions; understudy.h documents them."""

import ctypes
import os
import pathlib
from collections.abc import Callable, Iterator
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_double, c_float, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from typing import Any

from ._version import LIBRARY

ABI_VERSION = 2
NAME = LIBRARY


class Error(RuntimeError):
    """What libunderstudy reports; `status` is one of understudy.h's US_ERR_ codes."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[int, str]]:  # so that it passes between processes
        return type(self), (self.status, str(self))


class CError(Structure):
    _fields_ = [("size", c_uint32), ("code", c_int32), ("message", c_char * 504)]


class CHead(Structure):
    _fields_ = [("name", c_char_p), ("values", c_void_p), ("capacity", c_uint64)]


class COutput(Structure):
    _fields_ = [
        ("size", c_uint32),
        ("n_heads", c_uint32),
        ("capacity", c_uint64),
        ("p_spike", c_void_p),
        ("v_soma_mv", c_void_p),
        ("spike", c_void_p),
        ("heads", POINTER(CHead)),
    ]


class COptions(Structure):
    _fields_ = [
        ("size", c_uint32),
        ("abi_version", c_uint32),
        ("kernel", c_char_p),
        ("threads", c_int32),
        ("precision", c_uint32),
        ("spikes", c_uint32),
        ("reserved", c_uint32),
        ("seed", c_uint64),
    ]


class CCellOptions(Structure):
    _fields_ = [
        ("size", c_uint32),
        ("abi_version", c_uint32),
        ("morphology", c_char_p),
        ("synapses", c_char_p),
        ("scheme", c_char_p),
        ("dt_ms", c_double),
        ("threads", c_int32),
        ("reserved", c_uint32),
    ]


class CInfo(Structure):
    _fields_ = [
        ("size", c_uint32),
        ("kind", c_int32),
        ("n", c_int32),
        ("channels", c_int32),
        ("now", c_int64),
        ("state_bytes", c_int64),
        ("macs_per_ms", c_double),
        ("macs_per_event", c_double),
    ]


class CInputRange(Structure):
    _fields_ = [
        ("size", c_uint32),
        ("known", c_int32),
        ("steps", c_int64),
        ("steps_outside", c_int64),
        ("events", c_int64),
        ("weights_outside", c_int64),
        ("max_events_per_ms", c_int64),
        ("min_weight", c_float),
        ("max_weight", c_float),
    ]


_FUNCTIONS: dict[str, list[Any]] = {
    "us_model_open": [c_char_p, POINTER(c_uint64)],
    "us_model_open_bytes": [c_char_p, c_uint64, POINTER(c_uint64)],
    "us_model_close": [c_uint64],
    "us_model_info_json": [c_uint64, c_void_p, c_uint64, POINTER(c_uint64)],
    "us_population_create": [c_uint64, c_int32, POINTER(COptions), POINTER(c_uint64)],
    "us_cell_population_create": [c_char_p, c_int32, POINTER(CCellOptions), POINTER(c_uint64)],
    "us_population_step": [c_uint64, c_int32, c_void_p, c_uint64, POINTER(COutput)],
    "us_population_reset": [c_uint64],
    "us_population_now": [c_uint64, POINTER(c_int64)],
    "us_population_info": [c_uint64, POINTER(CInfo)],
    "us_population_input_range": [c_uint64, POINTER(CInputRange)],
    "us_population_set_numbers": [c_uint64, c_void_p, c_uint64],
    "us_population_save": [c_uint64, c_void_p, c_uint64, POINTER(c_uint64)],
    "us_population_load": [c_uint64, c_char_p, c_uint64],
    "us_population_destroy": [c_uint64],
}


def _candidates() -> Iterator[pathlib.Path]:
    here = pathlib.Path(__file__).resolve().parent
    yield here / NAME  # in a wheel
    yield here.parents[2] / "build" / NAME  # in a checkout, after `make lib`


def include_folder() -> pathlib.Path:
    """Where understudy.h is, which adapters compile against."""
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here / "include", here.parents[1] / "include"):  # in a wheel; in a checkout
        if (folder / "understudy.h").exists():
            return folder
    raise ImportError(f"understudy.h not found beside {here}")


def library_path() -> pathlib.Path:
    """The libunderstudy that this process uses, whose file adapters are linked to."""
    return pathlib.Path(lib._name).resolve()


def _open() -> ctypes.CDLL:
    path = os.environ.get("UNDERSTUDY_LIBRARY")
    if not path:
        tried = list(_candidates())
        path = next((str(p) for p in tried if p.exists()), None)
        if path is None:
            raise ImportError(
                f"{NAME} not found in " + ", ".join(str(p.parent) for p in tried)
                + ": build it with `make lib`, or set UNDERSTUDY_LIBRARY to its path"
            )
    lib = ctypes.CDLL(path)
    lib.us_version.restype = c_char_p
    lib.us_abi_version.restype = c_uint32
    if lib.us_abi_version() != ABI_VERSION:
        raise ImportError(f"{path} has ABI version {lib.us_abi_version()}, this package needs {ABI_VERSION}")
    for name, arguments in _FUNCTIONS.items():
        function = getattr(lib, name)
        function.argtypes = arguments + [POINTER(CError)]
        function.restype = c_int32
    return lib


lib = _open()


def call(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function with a place for its error, and raises that."""
    error = CError(ctypes.sizeof(CError))
    status = function(*arguments, byref(error))
    if status != 0:
        raise Error(status, error.message.decode("utf-8", "replace"))


def sized(function: Callable[..., int], handle: int) -> bytes:
    """Calls a function that fills a buffer, first for the size."""
    size = c_uint64()
    call(function, handle, None, 0, byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    call(function, handle, buffer, size.value, byref(size))
    return buffer.raw[: size.value]
