#!/usr/bin/env bash
# Runs the tests of the kernels under QEMU, on a CPU with AVX2 but without AVX-512 and on an arm64:
# whatever this machine has, its tests prefer one kernel and know only the
# features that it has. QEMU does not emulate AVX-512.
#
# Without QEMU the tests are skipped, but with CI or UNDERSTUDY_REQUIRE=all they fail.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname -s)" != Linux ]; then
	echo "emulated: skipped, QEMU runs single programs on Linux only"
	exit 0
fi
have() { qemu-x86_64 -version && qemu-aarch64 -version; } >/dev/null 2>&1
if ! have && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "emulated: installing qemu-user"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user; } >/dev/null || true
fi
if ! have; then
	echo "emulated: qemu-x86_64 and qemu-aarch64 are missing. On Debian or Ubuntu type"
	echo "    sudo apt-get install qemu-user"
	[ -z "${CI:-}" ] && [ "${UNDERSTUDY_REQUIRE:-}" != all ] || exit 1
	echo "emulated: skipped"
	exit 0
fi

# QEMU 7 reads the elements that a masked load leaves out, which the CPU does not: a test that has
# forbidden memory behind the operands can run on a real machine only. The accuracy of the reference and its
# sameness with itself are no question of features.
skip='TestNoKernelReadsBeyondItsOperands|TestActivationAccuracy|TestActivationSameBits/reference'

binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT
# run ARCHITECTURE QEMU PACKAGE KERNEL... wants the tests of a package to pass and each kernel among them.
run() {
	local arch=$1 qemu=$2 package=$3 kernel start=$SECONDS
	shift 3
	local binary=$binaries/$arch log=$binaries/$arch.log
	GOARCH=$arch CGO_ENABLED=0 go test -c -o "$binary" "$package"
	# shellcheck disable=SC2086 # $qemu has options
	if ! (cd "$package" && $qemu "$binary" -test.v -test.short -test.skip "$skip" >"$log" 2>&1); then
		grep -v '^=== ' "$log" | tail -50
		echo "emulated: $package fails on $arch"
		exit 1
	fi
	for kernel; do
		grep -q -- "^ *--- PASS: Test.*/$kernel" "$log" || { echo "emulated: $package ran no test of kernel $kernel on $arch"; exit 1; }
	done
	echo "ok  	$package on $arch, kernels $* ($((SECONDS - start)) s)"
}
amd64() {
	run amd64 "qemu-x86_64 -cpu max" ./native/cable avx2 reference
	run amd64 "qemu-x86_64 -cpu max" ./native avx2fma avx2 reference
}
arm64() {
	run arm64 qemu-aarch64 ./native/cable reference
	run arm64 qemu-aarch64 ./native neondot neon reference
}
amd64 &
arm64
wait $!
