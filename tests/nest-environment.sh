#!/usr/bin/env bash
# Installs NEST, and what its adapter is compiled with; prints a line to evaluate in a shell that sets
# UNDERSTUDY_NEST_PYTHON, the Python that has NEST and the packages of environment.sh. It is one of its own, so that what
# NEST brings along is in nobody's way.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# Boost and libltdl, whose headers NEST's include.
headers() { printf '#include <boost/type_index.hpp>\n#include <ltdl.h>\n' | c++ -x c++ -fsyntax-only - 2>/dev/null; }
if ! headers && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing libboost-dev and libltdl-dev" >&2
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq g++ libboost-dev libltdl-dev; } >&2 || true
fi
if ! headers; then
	echo "The tests of the NEST adapter need a C++ compiler and the headers of Boost and libltdl. On Debian or Ubuntu type" >&2
	echo "    sudo apt-get install g++ libboost-dev libltdl-dev" >&2
	exit 1
fi

python=$("$here/overlay.sh" nest "$here/nest-requirements.txt" 'import nest, numpy, pytest')
printf 'export UNDERSTUDY_NEST_PYTHON=%q\n' "$python"
