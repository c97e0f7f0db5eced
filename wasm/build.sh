#!/bin/sh
# Builds the WebAssembly guest: wasm/build.sh [FILE], default build/guest.wasm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/guest.wasm}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
cd "$here"
GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -trimpath -buildmode=c-shared -ldflags "-s -w" -o "$out" .
