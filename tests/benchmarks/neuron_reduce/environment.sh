#!/usr/bin/env bash
# Installs neuron_reduce, compiles the cell's mechanisms for NEURON (tests/mechanisms.sh), and prints
# where both are, as lines `name=path`. neuron_reduce gets an environment of its own in the user's cache folder, which
# sees the packages of tests/environment.sh: NEURON is not installed a second time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

tests=$("$here/../../environment.sh")
eval "$tests"
exec 9>"$cache/bench-reduce.lock" # one at a time
! command -v flock >/dev/null || flock 9

key=$({ cat "$here/requirements.txt" "$here/environment.sh"; echo "$UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
venv=$cache/bench-reduce-venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	echo "installing neuron_reduce into $venv (about 20 MB)" >&2
	rm -rf "$venv"
	"$UNDERSTUDY_PYTHON" -m venv "$venv"
	packages=$("$UNDERSTUDY_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	echo "$packages" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-environment.pth"
	"$python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" >&2
	NEURON_MODULE_OPTIONS=-nogui "$python" -c 'import neuron_reduce' >&2
	touch "$venv/ready"
fi

"$here/../../mechanisms.sh"
echo "python=$python"
