#!/usr/bin/env bash
# tools/bootstrap.sh run|dev: bring .venv to what `gpuwatch` (run) or its tests (dev)
# need. Does nothing when pyproject.toml, constraints.txt and the interpreter are those
# of the last time.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=$1
declare -A extras=([run]='' [dev]='[dev,postgres,aws,apprise,charts]')
python=.venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0

fail() {
  echo "gpuwatch: $*" >&2
  exit 2
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The interpreters of this machine that will do, the best first.
candidates() {
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then echo "$name"; fi
  done
}

has_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# Prints an interpreter that can make a virtual environment; installs Debian's missing
# half of one if need be.
interpreter() {
  local all name version
  all=$(candidates)
  [ -n "$all" ] || fail "Python 3.11 or newer is needed and not found" \
    "(install python3.11 and python3.11-venv, or say PYTHON=/path/to/python)"
  for name in $all; do
    if has_venv "$name"; then echo "$name" && return; fi
  done
  name=${all%%$'\n'*}
  version=$("$name" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  tools/apt-install.sh "$version-venv" >&2 ||
    fail "$name lacks the venv module: install the package $version-venv"
  has_venv "$name" || fail "$name lacks the venv module, even with $version-venv"
  echo "$name"
}

# Where the checkout is, what is wanted, and by which interpreter it was installed.
fingerprint() {
  pwd -P
  cksum pyproject.toml constraints.txt
  "$python" -VV 2>/dev/null || true
}

is_installed() {
  [ -x "$python" ] && [ "$(fingerprint)" = "$(cat ".venv/.installed-$1" 2>/dev/null)" ]
}

# An environment that was made elsewhere, or whose interpreter is gone, is of no use.
is_usable() {
  grep -qsx "command = .* $(pwd -P)/.venv" .venv/pyvenv.cfg &&
    "$python" -m pip --version >/dev/null 2>&1
}

make_environment() {
  local found
  found=$(interpreter)
  echo "gpuwatch: making .venv with $("$found" --version)"
  "$found" -m venv --clear .venv
}

# What dev installs contains what run needs.
is_installed dev && exit 0
[ "$kind" = run ] && is_installed run && exit 0

is_usable || make_environment
echo "gpuwatch: installing into .venv (once; about a minute)"
"$python" -m pip install --quiet --constraint constraints.txt \
  --editable ".${extras[$kind]}" || fail "the installation failed, see above"
fingerprint >".venv/.installed-$kind"
