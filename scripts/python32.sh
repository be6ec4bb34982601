#!/usr/bin/env bash
# A 32-bit Python beside the machine's own, for vendors' 32-bit libraries: unpacked into a folder
# from Debian's packages, nothing installed. Needs a C library of 32 bits (libc6-i386); tests that
# build a 32-bit library need gcc-multilib as well.
#
#   scripts/python32.sh FOLDER     then   python = "FOLDER/python32"   in the lane's [reader]
set -euo pipefail

folder=$(mkdir -p "${1:?a folder}" && cd "$1" && pwd)
[ -e /lib/ld-linux.so.2 ] || { echo "needs libc6-i386: apt-get install libc6-i386" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"
: >"$work/status"
apt() {
  apt-get -qq -o APT::Architecture=i386 -o APT::Architectures::=i386 -o APT::Sandbox::User=root \
    -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" \
    -o Dir::Cache="$work/cache" "$@"
}
apt update || echo "some lists are missing; going on with the others" >&2
version=$(python3 -c 'import sys; print("{}.{}".format(*sys.version_info[:2]))')
apt-cache -o APT::Architecture=i386 -o Dir::State::Lists="$work/lists" \
  -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
  show "python$version-minimal" >/dev/null 2>&1 || version=3.11
(cd "$work/debs" && apt download "python$version-minimal" "libpython$version-minimal" \
  "libpython$version-stdlib" libffi8 zlib1g libexpat1)
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$folder/system"; done
cat >"$folder/python32" <<WRAPPER
#!/bin/sh
export PYTHONHOME="$folder/system/usr"
exec /lib/ld-linux.so.2 --library-path \
  "$folder/system/usr/lib/i386-linux-gnu:$folder/system/lib/i386-linux-gnu:/lib32" \
  "$folder/system/usr/bin/python$version" "\$@"
WRAPPER
chmod +x "$folder/python32"
"$folder/python32" -c 'import ctypes, struct; assert struct.calcsize("P") == 4; print("32-bit Python works")'
