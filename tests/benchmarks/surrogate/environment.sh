#!/usr/bin/env bash
# Installs what the surrogate engine is measured beside, and prints the Python that has it. It is
# an environment of its own in the user's cache folder, which sees the packages of
# tests/environment.sh: PyTorch is not installed a second time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

tests=$("$here/../../environment.sh")
eval "$tests"
exec 9>"$cache/bench-surrogate.lock" # one at a time
! command -v flock >/dev/null || flock 9

key=$({ cat "$here/requirements.txt" "$here/environment.sh"; echo "$UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
venv=$cache/bench-surrogate-venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	echo "installing ONNX Runtime into $venv (about 150 MB)" >&2
	rm -rf "$venv"
	"$UNDERSTUDY_PYTHON" -m venv "$venv"
	packages=$("$UNDERSTUDY_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	echo "$packages" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-environment.pth"
	"$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
	"$python" -c 'import numpy, onnx, onnxruntime, torch' >&2
	touch "$venv/ready"
fi
echo "$python"
