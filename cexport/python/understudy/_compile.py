"""Compiles the adapters for simulators on the user's machine, once per set of sources and tools."""

import fcntl
import hashlib
import os
import pathlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable


class BuildError(RuntimeError):
    """An adapter cannot be compiled; says what is missing, or shows what the compiler said."""


def cache_folder() -> pathlib.Path:
    """Where compiled adapters are kept: $UNDERSTUDY_CACHE, else understudy/ in the user's cache folder."""
    own = os.environ.get("UNDERSTUDY_CACHE")
    if own:
        return pathlib.Path(own)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "understudy"


def built(kind: str, inputs: Iterable[str | bytes | pathlib.Path], make: Callable[[pathlib.Path], None], *, again: bool = False) -> pathlib.Path:
    """The folder that make(folder) filled, now or in an earlier process.

    kind: first part of its name. inputs: all that the result depends on, as text, bytes or
    files. Processes that ask at the same time wait for the one that builds; what failed or was
    interrupted is built anew. again: also what is there.
    """
    digest = hashlib.sha256()
    for part in inputs:
        part = part.read_bytes() if isinstance(part, pathlib.Path) else part.encode() if isinstance(part, str) else part
        digest.update(len(part).to_bytes(8, "little") + part)
    folder = cache_folder() / f"{kind}-{digest.hexdigest()[:16]}"
    ready = folder / "ready"
    if ready.exists() and not again:
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_name(folder.name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if ready.exists() and not again:
                return folder
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            ready.touch()
    except OSError as e:
        raise BuildError(f"{e.filename}: {e.strerror}") from e
    return folder


def compiler() -> tuple[list[str], str]:
    """The C++ compiler, $CXX or by its usual names, as a command, and its version. BuildError if there is none."""
    own = shlex.split(os.environ.get("CXX", ""))
    command = own or [next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), "c++")]
    try:
        return command, run([*command, "--version"])
    except BuildError as e:
        raise BuildError(f"no C++ compiler: {e}. On Debian or Ubuntu type\n    sudo apt-get install g++\nor name one in $CXX") from e


def run(command: list[str], folder: pathlib.Path | None = None) -> str:
    """Runs a tool, in a folder where it may leave a log; what it printed. BuildError shows that where it fails."""
    try:
        p = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except FileNotFoundError as e:
        raise BuildError(f"{command[0]} not found") from e
    if p.returncode:
        last, where = "\n".join(p.stdout.rstrip().splitlines()[-20:]), ""
        if folder:
            log = folder / "failed.log"
            log.write_text(shlex.join(command) + "\n" + p.stdout)
            where = f"; the whole output is in {log}"
        raise BuildError(f"{pathlib.Path(command[0]).name} failed ({p.returncode}){where}\n{last}")
    return p.stdout
