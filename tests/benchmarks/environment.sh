#!/usr/bin/env bash
# Installs the simulators that the benchmark measures, and prints what there is as lines
# `name=path`, or `missing name=why`. Everything is kept in the user's cache folder, by
# what it is made from, so that a second call is done at once. A peer that cannot be
# had is no failure: the benchmark says so in its table.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy
mkdir -p "$cache"
exec 9>"$cache/bench.lock" # one at a time
! command -v flock >/dev/null || flock 9

say() { echo "$*" >&2; }

# What the channels are compiled from, and a Python to fetch with.
if ! tests=$("$here/../environment.sh"); then
	for name in neuron-wheel neuron-native arbor-wheel arbor-native; do
		echo "missing $name=tests/environment.sh failed: see what it printed"
	done
	exit 0
fi
eval "$tests"

venv=$cache/bench-venv-$({ cat "$here/requirements.txt"; python3 -VV; } | sha256sum | cut -c1-12)
if [ ! -e "$venv/ready" ]; then
	say "installing NEURON and Arbor into $venv"
	rm -rf "$venv"
	python3 -m venv "$venv" >&2
	# One by one: where one is not to be had the other still is.
	grep -v '^#' "$here/requirements.txt" | while read -r package; do
		"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package" >&2
	done
	"$venv/bin/python" -c 'import neuron, arbor' >&2 && touch "$venv/ready"
fi
export PATH=$venv/bin:$PATH NEURON_MODULE_OPTIONS=-nogui
echo "python=$venv/bin/python"

# built NAME SOURCES COMMAND... runs the command in a new folder, once for every content of
# the sources, and says where it is.
built() {
	local name=$1 sources=$2 folder
	shift 2
	folder=$cache/bench-$name-$({ cat $sources; echo "$venv $*"; c++ --version; lscpu | grep -E 'Model name|Flags'; } 2>/dev/null | sha256sum | cut -c1-12)
	if [ ! -e "$folder/ready" ]; then
		say "building $name into $folder (minutes)"
		rm -rf "$folder"
		mkdir -p "$folder"
		if ! (cd "$folder" && "$@" >log 2>&1); then
			say "$(tail -5 "$folder/log")"
			echo "missing $name=\`$1\` failed: see $folder/log"
			return
		fi
		touch "$folder/ready"
	fi
	echo "$name=$folder"
}

channels=$UNDERSTUDY_BLUEPYOPT/examples/l5pc/mechanisms
native="-O3 -march=native -ffast-math"
grep -qw avx512f /proc/cpuinfo 2>/dev/null && native+=" -mprefer-vector-width=512"

mechanisms() { mkdir mods && cp "$channels"/*.{mod,inc} "$here"/mod/*.mod mods && nrnivmodl -coreneuron "$@" mods; }
if python -c 'import neuron' >&2; then
	built neuron-wheel "$channels/*.mod $here/mod/*.mod" mechanisms
	built neuron-native "$channels/*.mod $here/mod/*.mod" mechanisms -incflags "$native"
else
	echo "missing neuron-wheel=NEURON is not installed"
	echo "missing neuron-native=NEURON is not installed"
fi

# Synapses only, as Arbor's wheel compiles them: the channels are built into the wheel.
synapses() { mkdir mods && cp "$here"/arbor/*.mod mods && arbor-build-catalogue all mods; }
# All mechanisms, for this CPU. arbor-build-catalogue takes no flags, but a compiler.
all() {
	mkdir mods source && python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary arbor \
		--require-hashes -r "$here/arbor.txt" -d . &&
		tar -xzf arbor-*.tar.gz -C source --strip-components 1 --wildcards '*/mechanisms/*' && rm arbor-*.tar.gz &&
		cp source/mechanisms/bbp/*.mod source/mechanisms/default/{pas,nernst}.mod "$here"/arbor/*.mod mods &&
		printf '#!/bin/sh\nexec c++ "$@" -march=native\n' >cxx && chmod +x cxx && arbor-build-catalogue --cxx "$PWD/cxx" all mods
}
if python -c 'import arbor' >&2; then
	built arbor-wheel "$here/arbor/*.mod" synapses
	built arbor-native "$here/arbor/*.mod $here/arbor.txt" all
else
	echo "missing arbor-wheel=Arbor is not installed"
	echo "missing arbor-native=Arbor is not installed"
fi

echo "flags=$native"
echo "compiler=$(c++ --version 2>/dev/null | head -1)"
