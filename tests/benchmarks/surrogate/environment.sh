#!/usr/bin/env bash
# Installs what the surrogate engine is measured beside, and prints the Python that has it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../overlay.sh" bench-surrogate "$here/requirements.txt" 'import numpy, onnx, onnxruntime, torch'
