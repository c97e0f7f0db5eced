"""Fast surrogates of detailed neurons.

`load_model`, `Population` and `Cell` step neurons through libunderstudy, which
is loaded when one of them is first used; `understudy.train` does not need it.
"""

import importlib
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .population import EVENT, Cell, Error, InputRange, Model, Output, Population, events, load_model

__all__ = ["EVENT", "Cell", "Error", "InputRange", "Model", "Output", "Population", "__version__", "events", "load_model"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module(".population", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
