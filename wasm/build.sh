#!/bin/sh
# Builds the WebAssembly guest: wasm/build.sh [FILE], default build/guest.wasm. Go alone is needed,
# and the same sources and the same Go make the same bytes, wherever and whenever.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/guest.wasm}
mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd)/$(basename "$out")
cd "$here"
plain=$(mktemp)
trap 'rm -f "$plain"' EXIT
export GOFLAGS=-buildvcs=false GOWASM= GOEXPERIMENT=
GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -trimpath -buildmode=c-shared -ldflags -w -o "$plain" .
go run ./link "$plain" "$out" # puts the kernels in
