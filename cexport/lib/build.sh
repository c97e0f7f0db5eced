#!/bin/sh
# Builds libunderstudy into a folder (default build/): the library with its
# SONAME and the plain name for the linker. Only the symbols of symbols.txt are
# visible from outside.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build}
mkdir -p "$out"
out=$(cd "$out" && pwd)
map=$(mktemp)
trap 'rm -f "$map" "$out/.libunderstudy.$$" "$out/.libunderstudy.$$.h" "$out/.libunderstudy.h"' EXIT
{ echo '{ global:'; sed 's/$/;/' "$here/symbols.txt"; echo 'local: *; };'; } >"$map"
major=$("$here/version.sh" major)
cd "$here"
go build -trimpath -buildmode=c-shared \
	-ldflags "-s -w -extldflags '-Wl,-soname,libunderstudy.so.$major -Wl,--version-script=$map'" \
	-o "$out/.libunderstudy.$$" .
mv "$out/.libunderstudy.$$" "$out/libunderstudy.so.$major"
ln -sf "libunderstudy.so.$major" "$out/libunderstudy.so"
