#!/usr/bin/env bash
# Runs the tests of the kernels compiled to WebAssembly, in wazero: the reference, and the kernels
# that wasm/link puts in.
set -euo pipefail
cd "$(dirname "$0")/.."

binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT
GOOS=wasip1 GOARCH=wasm go test -c -o "$binaries/plain.wasm" ./native
go run ./wasm/link "$binaries/plain.wasm" "$binaries/native.wasm"
go build -o "$binaries/wazero" github.com/tetratelabs/wazero/cmd/wazero

# The accuracy of the reference is no question of the platform.
log=$binaries/log
if ! "$binaries/wazero" run -env UNDERSTUDY_REQUIRE_KERNELS=wasm128 "$binaries/native.wasm" -test.v -test.short -test.skip 'TestActivationAccuracy|TestActivationSameBits/reference' "$@" >"$log" 2>&1; then
	grep -v '^=== ' "$log" | tail -50
	echo "wasm: ./native fails in wazero"
	exit 1
fi
for kernel in wasm128 reference; do
	grep -q -- "^ *--- PASS: Test.*/$kernel" "$log" || { echo "wasm: ./native ran no test of kernel $kernel"; exit 1; }
done
echo "ok  	./native in wazero, kernels wasm128 reference ($SECONDS s)"
