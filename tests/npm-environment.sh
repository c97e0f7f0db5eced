#!/usr/bin/env bash
# Installs what checks the types of wasm/js, as tests/wasm/types/package-lock.json pins it, into the user's cache folder; prints a
# line to evaluate in a shell that sets UNDERSTUDY_NODE_MODULES, the folder node_modules.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy
mkdir -p "$cache"
exec 9>"$cache/npm.lock" # one at a time
! command -v flock >/dev/null || flock 9

"$here/tools.sh"
key=$(cat "$here/wasm/types/package-lock.json" "$here/npm-environment.sh" | sha256sum | cut -c1-12)
folder=$cache/npm-$key
if [ ! -e "$folder/ready" ]; then
	echo "installing TypeScript into $folder" >&2
	rm -rf "$folder"
	mkdir "$folder"
	cp "$here/wasm/types/package.json" "$here/wasm/types/package-lock.json" "$folder"
	npm ci --prefix "$folder" --no-audit --no-fund --silent --ignore-scripts >&2
	touch "$folder/ready"
fi
printf 'export UNDERSTUDY_NODE_MODULES=%q\n' "$folder/node_modules"
