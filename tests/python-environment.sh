#!/usr/bin/env bash
# Installs the frameworks whose model files the importers and converters read, an MPI for NEURON and a WebAssembly runtime; prints a line to
# evaluate in a shell that sets UNDERSTUDY_FULL_PYTHON, the Python that has them and the packages of environment.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/overlay.sh" full "$here/python-requirements.txt" 'import h5py, keras, onnx, onnxruntime, onnxscript, torch, pytest, wasmtime')
printf 'export UNDERSTUDY_FULL_PYTHON=%q\n' "$python"
