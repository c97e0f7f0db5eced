#!/usr/bin/env bash
# Installs NEST, and what its adapter is compiled with, and prints a line to evaluate in a
# shell that sets UNDERSTUDY_NEST_PYTHON. It is an environment of its own in the user's cache folder,
# so that what NEST brings along is in nobody's way, and sees the packages of tests/environment.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

tests=$("$here/environment.sh")
eval "$tests"
exec 9>"$cache/nest.lock" # one at a time
! command -v flock >/dev/null || flock 9

# Boost and libltdl, whose headers NEST's include.
headers() { printf '#include <boost/type_index.hpp>\n#include <ltdl.h>\n' | c++ -x c++ -fsyntax-only - 2>/dev/null; }
if ! headers && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing libboost-dev and libltdl-dev" >&2
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libboost-dev libltdl-dev; } >&2 || true
fi
if ! headers; then
	echo "The tests of the NEST adapter need the headers of Boost and libltdl. On Debian or Ubuntu type" >&2
	echo "    sudo apt-get install libboost-dev libltdl-dev" >&2
	exit 1
fi

key=$({ cat "$here/nest-requirements.txt" "$here/nest-environment.sh"; echo "$UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
venv=$cache/nest-venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	echo "installing NEST into $venv (about 300 MB)" >&2
	rm -rf "$venv"
	"$UNDERSTUDY_PYTHON" -m venv "$venv"
	packages=$("$UNDERSTUDY_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	echo "$packages" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-environment.pth"
	"$python" -m pip install --quiet --disable-pip-version-check -r "$here/nest-requirements.txt" >&2
	"$python" -c 'import nest, numpy, pytest' >&2
	touch "$venv/ready"
fi
printf 'export UNDERSTUDY_NEST_PYTHON=%q\n' "$python"
