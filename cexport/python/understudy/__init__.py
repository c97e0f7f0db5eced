"""Fast surrogates of detailed neurons.

`load_model`, `Population` and `Cell` step neurons through libunderstudy, which
is loaded when one of them is first used; `understudy.train` does not need it.
"""

import importlib

from ._version import __version__

_POPULATION = ["EVENT", "Cell", "Error", "InputRange", "Model", "Output", "Population", "events", "load_model"]

__all__ = ["__version__", *_POPULATION]


def __getattr__(name):
    if name in _POPULATION:
        return getattr(importlib.import_module(".population", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_POPULATION])
