#!/bin/sh
# Builds the WebAssembly guest: wasm/build.sh [FILE], default build/guest.wasm. The same sources and the same
# Go give the same bytes, wherever and whenever.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/guest.wasm}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
cd "$here"
export GOFLAGS=-buildvcs=false GOWASM= GOEXPERIMENT=
GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -trimpath -buildmode=c-shared -ldflags "-s -w" -o "$out" .
