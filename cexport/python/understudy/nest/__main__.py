"""Builds the NEST adapter: python -m understudy.nest build"""

import argparse
import sys

import understudy.nest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m understudy.nest", description="The NEST model \"understudy\" (see NEST.md in this folder).",
                                     epilog="example: python -m understudy.nest build")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="compile the adapter for the NEST of this Python and print its path",
                                description="Compiles the adapter for the NEST of this Python, unless that has been done, and prints its path.")
    build.add_argument("--again", action="store_true", help="compile it even if that has been done")
    arguments = parser.parse_args()
    try:
        print(understudy.nest.build(again=arguments.again))
    except (understudy.nest.BuildError, ImportError, OSError) as e:  # the latter two are libunderstudy's
        print(f"understudy.nest: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
