"""Builds the wheel, which carries libunderstudy and understudy.h; pyproject.toml has the rest.

The library comes from the Go sources beside this folder (../lib/build.sh), or from the
file that UNDERSTUDY_LIBRARY names. It knows nothing of Python: the wheel is good for every
Python 3 on the platform.
"""

import ctypes
import os
import pathlib
import shutil
import subprocess

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.dist import Distribution

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "lib" / "build.sh"
HEADER = HERE.parent / "include" / "understudy.h"

VERSION: dict[str, str] = {}
exec((HERE / "understudy" / "_version.py").read_text(), VERSION)


def library(scratch: pathlib.Path) -> pathlib.Path:
    """The library to carry."""
    given = os.environ.get("UNDERSTUDY_LIBRARY")
    if given:
        path = pathlib.Path(given).resolve()
        if not path.is_file():
            raise SystemExit(f"error: UNDERSTUDY_LIBRARY names {given}, which is not a file")
    else:
        if shutil.which("go") is None:
            raise SystemExit(
                "error: building understudy's library needs Go 1.26 or later and a C compiler, and there is no `go` in PATH."
                " Install Go (https://go.dev/doc/install), or set UNDERSTUDY_LIBRARY to a libunderstudy that is built already"
            )
        try:
            subprocess.run([str(BUILD), str(scratch)], check=True)
        except subprocess.CalledProcessError:
            raise SystemExit("error: building understudy's library failed, see above; it needs Go 1.26 or later and a C compiler") from None
        path = scratch / VERSION["LIBRARY"]
    try:
        lib = ctypes.CDLL(str(path))
        lib.us_version.restype = ctypes.c_char_p
        version = lib.us_version().decode()
    except (OSError, AttributeError) as e:
        raise SystemExit(f"error: {path} is not libunderstudy: {e}") from None
    if version != VERSION["__version__"]:
        raise SystemExit(f"error: {path} is libunderstudy {version}, this package is {VERSION['__version__']}")
    return path


class BuildWithLibrary(build_py):
    def run(self):
        if self.editable_mode:  # works on the checkout: `make lib`
            super().run()
            return
        for needed in (BUILD, HEADER):
            if not needed.exists():
                raise SystemExit(f"error: {needed} is missing: understudy is built in a checkout of its whole repository")
        shutil.rmtree(self.build_lib, ignore_errors=True)  # files of an earlier build would end up in the wheel
        super().run()
        package = pathlib.Path(self.build_lib) / "understudy"
        scratch = pathlib.Path(self.get_finalized_command("build").build_temp) / "libunderstudy"
        shutil.copyfile(library(scratch), package / VERSION["LIBRARY"])
        (package / "include").mkdir()
        shutil.copyfile(HEADER, package / "include" / "understudy.h")


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class NoSource(sdist):
    def run(self):
        raise SystemExit("error: a source distribution cannot hold the Go sources above this folder; make a wheel in a checkout: pip wheel ./cexport/python")


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return True  # the library is one, as far as wheels are concerned


setup(
    distclass=PlatformDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel, "sdist": NoSource},
)
