#!/usr/bin/env bash
# tools/apt-install.sh PACKAGE...: install Debian packages, starting none of their
# services. Fails with one line where there is no apt or no way to become root.
set -euo pipefail

fail() {
  echo "gpuwatch: cannot install $packages: $*" >&2
  exit 1
}

packages=$*
command -v apt-get >/dev/null || fail "this system has no apt-get"
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "neither root nor sudo"
  # Without a terminal sudo could not ask for a password.
  [ -t 0 ] || sudo -n true 2>/dev/null || fail "sudo wants a password"
  exec sudo -- "$0" "$@"
fi

# A policy of this machine's own is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "gpuwatch: apt-get install $packages"
apt-get -q -o DPkg::Lock::Timeout=120 update >/dev/null || true
apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >/dev/null

# Not at the next boot either.
if command -v systemctl >/dev/null; then
  dpkg -L "$@" | sed -n 's|.*/system/\([^/@]*\.service\)$|\1|p' |
    xargs -r systemctl disable --quiet || true
fi
