#!/usr/bin/env bash
# Compiles the mechanisms of the layer-5 pyramidal cell for NEURON, once, and prints where they and the
# Python that has NEURON are, as lines `name=path`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

tests=$("$here/environment.sh")
eval "$tests"
exec 8>"$cache/mechanisms.lock" # one at a time
! command -v flock >/dev/null || flock 8

channels=$UNDERSTUDY_BLUEPYOPT/examples/l5pc/mechanisms
synapses=$here/reference/mod
compile=$here/reference/neuron_mechanisms.py
key=$({ cat "$channels"/*.mod "$synapses"/*.mod "$compile" "$here/mechanisms.sh"; echo "$UNDERSTUDY_PYTHON"; } | sha256sum | cut -c1-12)
mechanisms=$cache/mechanisms-$key
if [ ! -e "$mechanisms/ready" ]; then
	echo "compiling mechanisms into $mechanisms" >&2
	rm -rf "$mechanisms"
	mkdir -p "$mechanisms"
	# The compiler is NEURON's own, beside the Python of the tests.
	"$UNDERSTUDY_PYTHON" "$compile" "$mechanisms" "$channels" "$synapses" >&2
	touch "$mechanisms/ready"
fi

echo "python=$UNDERSTUDY_PYTHON"
echo "mechanisms=$mechanisms"
