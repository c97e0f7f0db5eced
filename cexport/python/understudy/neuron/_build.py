"""Compiles the mechanism, and the adapter between it and libunderstudy."""

import importlib
import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
from collections.abc import Iterable
from typing import NamedTuple

from .._compile import BuildError, built, compiler, run
from .._lib import include_folder, library_path

HERE = pathlib.Path(__file__).resolve().parent


class Built(NamedTuple):
    """Compiled files."""

    adapter: pathlib.Path
    """Between the mechanism and libunderstudy."""
    mechanism: pathlib.Path
    """For `h.nrn_load_dll`."""
    coreneuron: pathlib.Path | None
    """For CoreNEURON, which finds it by the environment variable CORENEURONLIB; None unless asked for."""


def distribution() -> importlib.metadata.Distribution | None:
    """The package that this Python has NEURON from; None if its user built it."""
    for name in ("neuron", "neuron-nightly"):
        try:
            return importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def neuron_version() -> str:
    """Of the NEURON of this Python; BuildError unless that is 9."""
    package = distribution()
    try:
        version: str = package.version if package else importlib.import_module("neuron").__version__
    except ImportError as e:
        raise BuildError(f"{sys.executable} has no NEURON: pip install neuron") from e
    if version.split(".")[0] != "9":
        raise BuildError(f"NEURON {version} is installed, understudy.neuron is for NEURON 9")
    return version


def nrnivmodl() -> str:
    """NEURON's compiler of mechanisms: that of the package, else by PATH."""
    package = distribution()
    for file in (package.files or []) if package else []:
        if file.name == "nrnivmodl" and "bin" in file.parts and ".data" not in file.parts:
            return str(pathlib.Path(file.locate()).resolve())
    found = shutil.which("nrnivmodl")
    if not found:
        raise BuildError("nrnivmodl is not on PATH: it comes with NEURON 9 (pip install neuron, or the bin folder of your own build)")
    return found


def build(mods: Iterable[str | os.PathLike[str]] = (), *, coreneuron: bool = False, again: bool = False) -> Built:
    """Compiles what is not compiled yet.

    mods: folders of further MOD files to go into the same library, as CoreNEURON needs them.
    coreneuron: for CoreNEURON too. again: also what is there. Raises BuildError.
    """
    version, library = neuron_version(), library_path()
    cxx, cxx_version = compiler()
    tools = [version, *cxx, cxx_version, platform.machine(), str(library)]
    source, header = HERE / "adapter.cpp", include_folder() / "understudy.h"

    def make_adapter(folder: pathlib.Path) -> None:
        run([*cxx, "-std=c++17", "-O2", "-fPIC", "-shared", f"-I{header.parent}", str(source), "-o", "libunderstudy_neuron.so",
             str(library), f"-Wl,-rpath,{library.parent}"], folder)

    adapter = built("neuron-adapter", [*tools, source, header], make_adapter, again=again)

    folders = [pathlib.Path(m).resolve() for m in mods]
    for folder in folders:
        if not any(folder.glob("*.mod")):
            raise BuildError(f"{folder}: no MOD files")
    files = [HERE / "understudy.mod", *(f for folder in folders for f in sorted(folder.iterdir()) if f.is_file())]
    names = [f.name for f in files]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise BuildError(f"two files are called {', '.join(sorted(twice))}: in {', '.join(map(str, folders))}")

    def make_mechanism(folder: pathlib.Path) -> None:
        (folder / "mod").mkdir()
        for f in files:
            shutil.copy(f, folder / "mod")
        run([nrnivmodl(), *(["-coreneuron"] if coreneuron else []), "-loadflags", f"-L{adapter} -lunderstudy_neuron -Wl,-rpath,{adapter}", "mod"], folder)

    inputs = [*tools, str(adapter), str(coreneuron), *(part for f in files for part in (f.name, f))]
    folder = built("neuron", inputs, make_mechanism, again=again) / platform.machine()
    core = folder / "libcorenrnmech.so"
    mechanism = next((p for p in (folder / "libnrnmech.so", folder / "libnrnmech.dylib") if p.exists()), None)
    if mechanism is None or (coreneuron and not core.exists()):
        raise BuildError(f"nrnivmodl left no library in {folder}" + (": was NEURON built without CoreNEURON?" if coreneuron else ""))
    return Built(adapter / "libunderstudy_neuron.so", mechanism, core if coreneuron else None)
