#!/usr/bin/env bash
# Runs the tests of the kernels compiled to WebAssembly, in wazero: the reference, and the kernels
# that wasm/link puts in.
set -euo pipefail
cd "$(dirname "$0")/.."

binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT
go build -o "$binaries/wazero" github.com/tetratelabs/wazero/cmd/wazero
# The accuracy of the reference is no question of the platform.
for package in ./native ./native/cable; do
	SECONDS=0
	GOOS=wasip1 GOARCH=wasm go test -c -o "$binaries/plain.wasm" "$package"
	go run ./wasm/link "$binaries/plain.wasm" "$binaries/linked.wasm"
	log=$binaries/log
	if ! "$binaries/wazero" run -env UNDERSTUDY_REQUIRE_KERNELS=wasm128 "$binaries/linked.wasm" -test.v -test.short -test.skip 'TestActivationAccuracy|TestActivationSameBits/reference' "$@" >"$log" 2>&1; then
		grep -v '^=== ' "$log" | tail -50
		echo "wasm: $package fails in wazero"
		exit 1
	fi
	for kernel in wasm128 reference; do
		grep -q -- "^ *--- PASS: Test.*/$kernel" "$log" || { echo "wasm: $package ran no test of kernel $kernel"; exit 1; }
	done
	echo "ok  	$package in wazero, kernels wasm128 reference ($SECONDS s)"
done
