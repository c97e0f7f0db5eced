#!/usr/bin/env bash
# Installs neuron_reduce, compiles the cell's mechanisms for NEURON (tests/mechanisms.sh), and prints
# where both are, as lines `name=path`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../../overlay.sh" bench-reduce "$here/requirements.txt" 'import neuron_reduce' --no-deps)
"$here/../../mechanisms.sh"
echo "python=$python"
