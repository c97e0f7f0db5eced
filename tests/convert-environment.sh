#!/usr/bin/env bash
# Installs the frameworks that write the model files which our importers read, and
# prints a line to evaluate in a shell that sets UNDERSTUDY_CONVERT_PYTHON. It is an environment of
# its own in the user's cache folder, which sees the packages of tests/environment.sh:
# PyTorch is not installed a second time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

tests=$("$here/environment.sh")
eval "$tests"
exec 9>"$cache/convert.lock" # one at a time
! command -v flock >/dev/null || flock 9

key=$({ cat "$here/convert-requirements.txt" "$here/convert-environment.sh"; echo "$UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
venv=$cache/convert-venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	echo "installing ONNX Runtime, Keras and h5py into $venv (about 200 MB)" >&2
	rm -rf "$venv"
	"$UNDERSTUDY_PYTHON" -m venv "$venv"
	packages=$("$UNDERSTUDY_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	echo "$packages" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-environment.pth"
	"$python" -m pip install --quiet --disable-pip-version-check -r "$here/convert-requirements.txt" >&2
	KERAS_BACKEND=torch "$python" -c 'import h5py, keras, onnx, onnxruntime, onnxscript, torch, pytest' >&2
	touch "$venv/ready"
fi
printf 'export UNDERSTUDY_CONVERT_PYTHON=%q\n' "$python"
