#!/usr/bin/env bash
# overlay.sh NAME REQUIREMENTS CHECK [OPTION...]: installs what the file REQUIREMENTS lists, with pip's OPTIONs, into a
# Python environment of its own in the user's cache folder, which sees the packages of
# tests/environment.sh too: those are not installed a second time. Prints its Python. CHECK is run in it once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy
name=$1 requirements=$2 check=$3
shift 3

tests=$("$here/environment.sh")
eval "$tests"
exec 9>"$cache/$name.lock" # one at a time
! command -v flock >/dev/null || flock 9

key=$({ cat "$requirements" "$here/overlay.sh"; echo "$check $* $UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
venv=$cache/$name-venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	echo "installing $(sed -n '/^[^#]/s/==.*//p' "$requirements" | paste -sd' ') into $venv" >&2
	rm -rf "$venv"
	"$UNDERSTUDY_PYTHON" -m venv "$venv"
	packages=$("$UNDERSTUDY_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	echo "$packages" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-environment.pth"
	"$python" -m pip install --quiet --disable-pip-version-check "$@" -r "$requirements" >&2
	NEURON_MODULE_OPTIONS=-nogui KERAS_BACKEND=torch "$python" -c "$check" >&2
	touch "$venv/ready"
fi
echo "$python"
