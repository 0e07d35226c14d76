#!/usr/bin/env bash
# Installs the Debian packages that the whole-system suites use beside npm packages: curl, Python for the newest `openai`
# SDK (the suite itself makes a virtual environment for it), and PostgreSQL and Redis (scripts/run-tests.ts starts them in
# temporary folders). Only what is missing, and only as root.
set -euo pipefail

missing=()
command -v curl >/dev/null || missing+=(curl ca-certificates)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
if [ "${#missing[@]}" -eq 0 ]; then
  echo 'Nothing is missing.'
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Please install: ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
