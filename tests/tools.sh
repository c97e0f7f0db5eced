#!/usr/bin/env bash
# Installs what tests/ needs, where this is root's to do and Debian's: pkg-config and CMake for the installed C
# library, Node, npm and Chromium for packed neurons. Not part of environment.sh, whose text is in the key of
# 5 GB of Python packages.
set -euo pipefail
for tool in cmake pkg-config nodejs npm chromium; do
	command=${tool%js}
	command -v "$command" >/dev/null && continue
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "installing $tool" >&2
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$tool"; } >&2 || true
		command -v "$command" >/dev/null && continue
	fi
	echo "The tests need $tool. On Debian or Ubuntu type" >&2
	echo "    sudo apt-get install $tool" >&2
	exit 1
done
