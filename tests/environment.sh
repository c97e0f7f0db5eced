#!/usr/bin/env bash
# Prepares what the tests need beyond Go and prints where it is, as lines to
# evaluate in a shell. Everything is kept in the user's cache folder, by the versions asked
# for, so that a second call is done at once.
set -euo pipefail
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy

say() { echo "$*" >&2; }

# need PACKAGE COMMAND... makes sure that the command succeeds, by Debian's package
# where this is root's to do.
need() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "installing $package"
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; } >&2 || true
		"$@" >/dev/null 2>&1 && return
	fi
	say "The tests need $package, and \`$*\` fails. On Debian or Ubuntu type"
	say "    sudo apt-get install $package"
	exit 1
}

need gcc cc --version
need g++ c++ --version
need make make --version
need binutils nm --version
need python3 python3 --version
need python3-venv python3 -c 'import ensurepip, venv'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { say "The tests need Python 3.10 or later; $(python3 --version) is too old."; exit 1; }

key=$({ cat requirements.txt environment.sh; python3 -VV; } | sha256sum | cut -c1-12)
venv=$cache/venv-$key
python=$venv/bin/python
if [ ! -e "$venv/ready" ]; then
	say "installing NEURON, PyTorch and pytest into $venv (about 5 GB)"
	rm -rf "$venv"
	python3 -m venv "$venv"
	# uv unpacks in parallel, four times as fast as pip, and can leave out
	# Triton, 1 GB that only torch.compile uses.
	"$python" -m pip install --quiet --disable-pip-version-check uv==0.13.9 >&2
	echo 'triton; sys_platform == "none"' >"$venv/overrides.txt"
	UV_CACHE_DIR=$venv/uv-cache "$venv/bin/uv" pip install --quiet --python "$python" --override "$venv/overrides.txt" -r requirements.txt >&2 ||
		"$python" -m pip install --quiet --disable-pip-version-check -r requirements.txt >&2
	rm -rf "$venv/uv-cache"
	touch "$venv/ready"
fi

# sdist NAME MEMBERS unpacks the matching members of the source distribution that
# NAME.txt pins, and says where in the variable NAME.
sdist() {
	local name=$1 members=$2 key fetched
	key=$(sha256sum <"$name.txt" | cut -c1-12)
	declare -g "$name=$cache/$name-$key"
	[ ! -d "$cache/$name-$key" ] || return 0
	say "fetching a part of $name into $cache/$name-$key"
	fetched=$(mktemp -d "$cache/fetch-XXXXXX")
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$fetched'" EXIT
	"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "$name" --require-hashes -r "$name.txt" -d "$fetched" >&2
	mkdir "$fetched/out"
	tar -xzf "$fetched/$name"-*.tar.gz -C "$fetched/out" --strip-components 1 --wildcards "$members"
	mv "$fetched/out" "$cache/$name-$key"
	rm -rf "$fetched"
}

sdist bluepyopt '*/examples/l5pc/*'
sdist brian2 '*/brian2/tests/rallpack_data/*'

printf 'export UNDERSTUDY_PYTHON=%q\n' "$python"
printf 'export UNDERSTUDY_BLUEPYOPT=%q\n' "$bluepyopt"
printf 'export UNDERSTUDY_BRIAN2=%q\n' "$brian2"
