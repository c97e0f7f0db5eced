#!/bin/sh
# install.sh BUILD PREFIX installs what BUILD holds - libunderstudy and the command - and
# the header and what pkg-config and CMake need, below PREFIX;
# install.sh -u BUILD PREFIX removes exactly these. With DESTDIR set, everything goes
# below that folder instead, for packages; the paths in the files stay those of PREFIX.
set -eu
remove=
if [ "${1:-}" = -u ]; then remove=1; shift; fi
[ $# = 2 ] || { echo "usage: install.sh [-u] BUILD PREFIX" >&2; exit 2; }
build=$1 prefix=${2%/}
here=$(cd "$(dirname "$0")" && pwd)
case $2 in
/*) ;;
*) echo "install: PREFIX is $2, want an absolute path" >&2; exit 2 ;;
esac
case $2 in
*[!A-Za-z0-9/._+~@,=-]*) echo "install: PREFIX is $2: pkg-config cannot take such characters" >&2; exit 2 ;;
esac
to=${DESTDIR:-}$prefix
version=$("$here/version.sh")
major=$("$here/version.sh" major)

# file MODE SOURCE TARGET and filled TEMPLATE TARGET put a whole file in its place, or none;
# link TO TARGET a symbolic link. With -u all three remove the target.
file() {
	if [ -n "$remove" ]; then rm -f "$to/$3"; return; fi
	mkdir -p "$(dirname "$to/$3")"
	install -m "$1" "$2" "$to/$3.$$.new"
	mv -f "$to/$3.$$.new" "$to/$3"
}
filled() {
	sed "s|@PREFIX@|$prefix|g; s|@VERSION@|$version|g; s|@MAJOR@|$major|g" "$here/$1" >"$scratch"
	file 644 "$scratch" "$2"
}
link() {
	if [ -n "$remove" ]; then rm -f "$to/$2"; return; fi
	ln -s "$1" "$to/$2.$$.new"
	mv -Tf "$to/$2.$$.new" "$to/$2"
}

if [ -z "$remove" ]; then
	for f in libunderstudy.so."$major" understudy; do
		[ -f "$build/$f" ] || { echo "install: no $build/$f: type \`make build lib\` first, which needs Go" >&2; exit 1; }
	done
fi
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

file 644 "$build/libunderstudy.so.$major" "lib/libunderstudy.so.$version"
link "libunderstudy.so.$version" "lib/libunderstudy.so.$major"
link "libunderstudy.so.$major" lib/libunderstudy.so
file 644 "$here/../include/understudy.h" include/understudy.h
filled understudy.pc.in lib/pkgconfig/understudy.pc
filled understudy-config.cmake.in lib/cmake/understudy/understudy-config.cmake
filled understudy-config-version.cmake.in lib/cmake/understudy/understudy-config-version.cmake
file 755 "$build/understudy" bin/understudy

if [ -n "$remove" ]; then
	rmdir "$to/lib/cmake/understudy" 2>/dev/null || true # ours alone, unless someone put more there
fi
# Where the system's linker looks, it has to be told what is new.
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" = 0 ] && ldconfig -N -X -v 2>/dev/null | grep -q "^$prefix/lib:"; then
	ldconfig
fi
