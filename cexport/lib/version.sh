#!/bin/sh
# Prints the version, or with the argument "major" its first number, from the one
# place where it stands: understudy.h.
set -eu
header=$(dirname "$0")/../include/understudy.h
number() { sed -n "s/^#define US_VERSION_$1 \([0-9][0-9]*\)\$/\1/p" "$header"; }
version=$(number MAJOR).$(number MINOR).$(number PATCH)
case $version in
*..* | .* | *.) echo "version.sh: no version in $header" >&2; exit 1 ;;
esac
if [ "${1:-}" = major ]; then version=${version%%.*}; fi
echo "$version"
