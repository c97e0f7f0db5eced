"""The version of the package, in one place; a test holds it to understudy.h's."""

__version__ = "0.1.0"
LIBRARY = "libunderstudy.so." + __version__.split(".")[0]
