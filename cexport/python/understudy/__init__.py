"""Fast surrogates of detailed neurons."""

from ._version import __version__

__all__ = ["__version__"]
