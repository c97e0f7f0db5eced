"""The NEST model "understudy": surrogates as nodes of a NEST simulation. See NEST.md in this folder.

    python -m understudy.nest build     # once; needs a C++ compiler and the headers of Boost and libltdl

    import nest, understudy.nest
    understudy.nest.install()           # again after nest.ResetKernel()
    neurons = nest.Create("understudy", 1000, {"model": "surrogate.safetensors"})
"""

import ctypes
import importlib.util
import pathlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _compile
from .._compile import BuildError

if TYPE_CHECKING:
    from .. import InputRange  # loads libunderstudy

__all__ = ["BuildError", "build", "input_range", "install"]

_NAME = "understudymodule"
_HERE = pathlib.Path(__file__).resolve().parent
_OLDEST = (3, 10)  # NEST 3.9 has other dictionaries
_HEADERS = {"Boost": "boost/type_index.hpp", "libltdl": "ltdl.h"}
_DEBIAN = {"Boost": "libboost-dev", "libltdl": "libltdl-dev"}


class _Nest(NamedTuple):
    """The NEST of this Python."""

    kernel: pathlib.Path  # nestkernel_api.so
    headers: pathlib.Path
    version: str


def _installed_nest() -> _Nest:
    spec = importlib.util.find_spec("nest")
    if spec is None or not spec.origin:
        raise BuildError("this Python has no NEST: `pip install nest-simulator`, or name the Python that has it")
    package = pathlib.Path(spec.origin).resolve().parent
    kernel = next(iter(sorted(package.glob("nestkernel_api*.so"))), None)
    if kernel is None:
        raise BuildError(f"{package} has no nestkernel_api.so: NEST before 3.10, or not NEST")
    # In a wheel; in a prefix of `cmake --install`, above lib/python3.x/site-packages/nest.
    places = [folder / "include" / "nest" for folder in (package, *package.parents)]
    headers = next((p for p in places if (p / "nest_extension_interface.h").exists()), None)
    if headers is None:
        raise BuildError(f"the headers of NEST are in none of {', '.join(map(str, places))}")
    found = re.search(r'^#define NEST_VERSION "(.*)"', (headers / "config.h").read_text(), re.M)
    version = found[1] if found else "unknown"
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if numbers < _OLDEST:
        raise BuildError(f"NEST {version} in {package}: the adapter needs {'.'.join(map(str, _OLDEST))} or later")
    return _Nest(kernel, headers, version)


def _cxx11_abi(kernel: pathlib.Path) -> int:
    """_GLIBCXX_USE_CXX11_ABI of a NEST: 1 where the names of its functions contain the newer std::string."""
    return int(re.search(rb"_ZN[KVr]?4nest\w*NSt7__cxx11", kernel.read_bytes()) is not None)


def _check_tools(compiler: list[str], headers: pathlib.Path, folder: pathlib.Path) -> None:
    """BuildError names all that is missing, and the packages that have it."""
    missing = []
    for name, header in _HEADERS.items():
        test = folder / "header.cpp"
        test.write_text(f"#include <{header}>\n")
        try:
            _compile.run([*compiler, "-std=c++20", "-fsyntax-only", test.name], folder)
        except BuildError:
            missing.append(name)
    if missing:
        raise BuildError(
            f"NEST's headers in {headers} need those of {' and '.join(missing)}, which are not installed. On Debian or Ubuntu type\n"
            f"    sudo apt-get install {' '.join(_DEBIAN[name] for name in missing)}"
        )


def build(*, again: bool = False) -> pathlib.Path:
    """Compiles the adapter for the NEST of this Python, unless that has been done; its path.

    $CXX names the compiler, default c++. It is kept in the cache folder by all that it
    depends on. again: compiles it even if it is there. BuildError says what is missing.
    """
    from .. import _lib  # loads libunderstudy

    nest = _installed_nest()
    compiler, compiler_version = _compile.compiler()
    sources = sorted(_HERE.glob("*.cpp"))
    library = _lib.library_path()
    flags = ["-std=c++20", "-O2", "-fPIC", "-shared", "-fopenmp", "-DNDEBUG", f"-D_GLIBCXX_USE_CXX11_ABI={_cxx11_abi(nest.kernel)}"]
    flags += [f"-I{_lib.include_folder()}", "-isystem", str(nest.headers)]

    def make(folder: pathlib.Path) -> None:
        _check_tools(compiler, nest.headers, folder)
        # By its SONAME, which the file may lack: whoever loads the adapter finds it beside it.
        (folder / _lib.NAME).symlink_to(library)
        _compile.run([*compiler, *flags, *map(str, sources), "-o", f"{_NAME}.so", f"./{_lib.NAME}", "-Wl,-rpath,$ORIGIN"], folder)

    inputs: list[str | bytes | pathlib.Path] = [*sources, *sorted(_HERE.glob("*.h")), _lib.include_folder() / "understudy.h", str(library), nest.version, str(nest.kernel),
              nest.headers / "config.h", str(nest.kernel.stat().st_mtime_ns), compiler_version, *compiler, *flags]
    return _compile.built("nest", inputs, make, again=again) / f"{_NAME}.so"


def install() -> pathlib.Path:
    """Makes the model "understudy" known to NEST, after building it where it is not; the module's path.

    nest.ResetKernel() forgets it: call this again. To call it twice does no harm. NEST wants
    it before the first node is created. BuildError where it cannot be built or loaded.
    """
    import nest

    path = build()
    if str(path) in nest.GetKernelStatus("modules"):
        return path
    try:
        nest.Install(str(path))
    except Exception as e:
        # NEST calls whatever the loader does not like "file not found".
        try:
            ctypes.CDLL(str(path))
        except OSError as loader:
            raise BuildError(f"NEST cannot load {path}, which `python -m understudy.nest build --again` may cure: {loader}") from e
        raise
    return path


def input_range(nodes: Any) -> "InputRange":
    """How much of the input of nodes "understudy", and of those that share populations with them, no model saw in training.

    nodes: a NodeCollection that has been simulated. Look at it before trusting a result: such
    input is computed all the same. ValueError before the first simulation.
    """
    from .. import InputRange

    ranges = {}
    for node in nodes:
        status = node.get()
        if "input_range" not in status:
            raise ValueError(f"node {node.global_id} has no input yet: it is not of the model \"understudy\", or was not simulated")
        r = dict(status["input_range"])
        population = r.pop("population")
        ranges[population] = InputRange(**r)
    if not ranges:
        raise ValueError("no nodes")
    received = [r for r in ranges.values() if r.events]
    return InputRange(
        known=all(r.known for r in ranges.values()),
        **{name: sum(getattr(r, name) for r in ranges.values()) for name in ("steps", "steps_outside", "events", "weights_outside")},
        max_events_per_ms=max(r.max_events_per_ms for r in ranges.values()),
        min_weight=min((r.min_weight for r in received), default=0.0),
        max_weight=max((r.max_weight for r in received), default=0.0),
    )
