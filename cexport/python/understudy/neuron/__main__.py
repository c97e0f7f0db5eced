"""python -m understudy.neuron build: compiles the mechanism for this Python's NEURON."""

import argparse
import sys

from .._compile import BuildError
from ._build import build


def main(argv: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (wrong usage)."""
    p = argparse.ArgumentParser(prog="python -m understudy.neuron", description="Surrogates as artificial cells of NEURON; NEURON.md is the manual.")
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    b = commands.add_parser("build", help="compile the mechanism Understudy and print where it is", description="Compiles the mechanism Understudy for the "
                            "NEURON of this Python and prints where it is. understudy.neuron does so by itself when it is first used.")
    b.add_argument("mods", nargs="*", metavar="FOLDER", help="further MOD files for the same library; CoreNEURON loads one only")
    b.add_argument("--coreneuron", action="store_true", help="for CoreNEURON too")
    b.add_argument("--again", action="store_true", help="compile what is compiled already")
    a = p.parse_args(argv)
    try:
        out = build(a.mods, coreneuron=a.coreneuron, again=a.again)
    except BuildError as e:
        print(f"understudy.neuron: {e}", file=sys.stderr)
        return 1
    print(f"mechanism {out.mechanism}")
    if out.coreneuron:
        print(f"CORENEURONLIB={out.coreneuron}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
