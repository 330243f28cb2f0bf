#!/usr/bin/env bash
# The real servers that tests start by themselves, installed where they are missing.
# Without a way to install them the tests that need them are skipped, unless
# REQUIRE_TEST_SERVERS=1 (as in CI).
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v prometheus >/dev/null && command -v promtool >/dev/null ||
  missing+=(prometheus)
# Debian keeps PostgreSQL's programs off the PATH.
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
  missing+=(postgresql)
PATH=$PATH:/usr/sbin
command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null ||
  missing+=(slurm-wlm munge slurm-wlm-basic-plugins)

[ ${#missing[@]} = 0 ] && exit 0
tools/apt-install.sh "${missing[@]}" && exit 0
[ "${REQUIRE_TEST_SERVERS:-0}" != 1 ] || exit 1
echo "gpuwatch: tests that need ${missing[*]} will be skipped" >&2
