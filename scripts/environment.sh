#!/usr/bin/env bash
# Make or bring up to date .venv: `environment.sh run` (what menpiao needs) or `environment.sh dev`
# (and what working on it needs). Every package must match its hash in requirements/.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
python=${PYTHON:-python3}

say() { printf '== %s\n' "$*"; }
give_up() { printf 'menpiao: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || give_up "Python 3.11 or newer is needed (no '$python' here)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || give_up "Python 3.11 or newer is needed; this is $("$python" --version). Try make PYTHON=python3.11"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null \
    || give_up "Python's venv is missing: install the Debian package python3-venv, then try again"
  say "installing the Debian package python3-venv"
  apt-get update -qq </dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv \
    </dev/null >/dev/null
fi

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  say "making the environment .venv"
  "$python" -m venv --clear .venv
fi

say "fetching packages ($kind), each checked against its hash; the first time takes a minute"
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input "$@" </dev/null; }
pip install --require-hashes --requirement requirements/build.txt
pip install --require-hashes --requirement "requirements/$kind.txt"
say "installing menpiao into .venv"
pip install --no-deps --no-build-isolation --editable .
touch .venv/.run
[ "$kind" = run ] || touch .venv/.dev
say "environment ready"
