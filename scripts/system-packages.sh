#!/usr/bin/env bash
# The programs outside Python that some tests use. As root on Debian they are installed; otherwise
# they are named, and the tests that use them are skipped (with CI=true they fail instead).
set -euo pipefail

packages=()
need() { # package, what uses it; then a command that succeeds when it is there
  local package=$1 use=$2
  shift 2
  "$@" >/dev/null 2>&1 && return
  packages+=("$package")
  printf '   missing: %s (%s)\n' "$package" "$use"
}
any() { compgen -G "$1"; }

need chromium "pages in a real browser" command -v chromium
need fonts-wqy-microhei "Chinese text on screens and slips" \
  any '/usr/share/fonts/truetype/wqy/wqy-microhei.ttc'
need postgresql-15 "the same tests on Debian's PostgreSQL" any '/usr/lib/postgresql/1[5-9]/bin/postgres'
need tesseract-ocr "reading printed slips back" command -v tesseract
need tesseract-ocr-chi-sim "reading printed slips back, Chinese" \
  any '/usr/share/tesseract-ocr/*/tessdata/chi_sim.traineddata'

[ ${#packages[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "== tests that need these are skipped; to run them, as root: apt-get install ${packages[*]}"
  exit 0
fi

echo "== installing Debian packages: ${packages[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then # the tests start their own servers: no service is to run
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
install "${packages[@]}" </dev/null >/dev/null \
  || echo "== could not install them; the tests that need them are skipped (in CI they fail)"
