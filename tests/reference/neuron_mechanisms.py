"""Compiles MOD files for NEURON, or makes what is compiled known to it.

    python neuron_mechanisms.py BUILD FOLDER...

compiles all MOD files of the FOLDERs in the folder BUILD.
"""

import glob
import os
import shutil
import subprocess
import sys

import neuron
from neuron import h


def load(build):
    """Makes the mechanisms compiled in BUILD known to NEURON; hh is without its tables."""
    if not neuron.load_mechanisms(build):
        sys.exit(f"no mechanisms in {build}")
    h.usetable_hh = 0


def main():
    build, folders = sys.argv[1], sys.argv[2:]
    for folder in folders:
        for path in glob.glob(os.path.join(folder, "*.mod")):
            shutil.copy(path, build)
    tool = os.path.join(os.path.dirname(sys.executable), "nrnivmodl")
    done = subprocess.run([tool], cwd=build, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"nrnivmodl failed in {build}:\n{done.stdout}")


if __name__ == "__main__":
    main()
