#!/bin/sh
# Makes node_modules match package-lock.json, and does nothing when it does. Runs before every npm script of ours, so it
# is quick then, and it is a shell script because this process's shell would otherwise remember the machine's own `node`
# and run it after the install too, instead of the one that the install brings.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.fluxscribe-lock
lock=.install-lock

# The sources need Node 22.18 or newer (they run without a build step).
node_is_new_enough() {
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 18) ? 0 : 1)' 2>/dev/null
}

# `npm install` by hand leaves no stamp: then its own record must be newer than the lock file.
is_installed() {
  if [ -f "$stamp" ]; then
    cmp -s package-lock.json "$stamp"
  else
    [ -f node_modules/.package-lock.json ] && [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ] &&
      PATH="$PWD/node_modules/.bin:$PATH" node_is_new_enough
  fi
}

is_installed && exit 0

# Of two starts at once, one installs and the other waits; the lock of a process that died is taken over.
until mkdir "$lock" 2>/dev/null; do
  holder=$(cat "$lock/pid" 2>/dev/null || true)
  if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
    mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
    continue
  fi
  [ "${waited:-}" ] || echo "Waiting for another install in this folder (if there is none, remove $lock) ..." >&2
  waited=yes
  sleep 1
done
echo $$ >"$lock/pid"
output=$(mktemp)
ticker=
clean_up() {
  [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
  rm -rf "$lock" "$output"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_installed && exit 0

if ! command -v npm >/dev/null; then
  echo "npm is not on the PATH. Install Node.js 20 or newer, which brings it." >&2
  exit 1
fi
echo "Installing the dependencies (once; a minute or so) ..." >&2

# Node 24 is a development dependency: it is left out only where NODE_ENV=production says so and the Node at hand will do.
include=--include=dev
if [ "${NODE_ENV:-}" = production ] && node_is_new_enough; then include=--omit=dev; fi

# On a terminal npm shows its own progress; elsewhere a line now and then says that it is alive.
tell_time() {
  seconds=0
  nap=
  trap 'kill "$nap" 2>/dev/null; exit 0' TERM
  while :; do
    sleep 10 &
    nap=$!
    wait "$nap"
    seconds=$((seconds + 10))
    echo "  still installing after $seconds s ..." >&2
  done
}

# - ONNXRUNTIME_NODE_INSTALL: its install script would download GPU libraries; npm below 11 does not know `allowScripts`.
# - loglevel: a warning for each package that wants a newer Node than the one npm runs on says nothing useful here.
export ONNXRUNTIME_NODE_INSTALL=skip
run_npm() {
  npm ci "$include" --no-audit --no-fund --loglevel=error </dev/null
}
if [ -t 2 ]; then
  run_npm >&2 && installed=yes || installed=no
else
  tell_time &
  ticker=$!
  if run_npm >"$output" 2>&1; then installed=yes; else installed=no && cat "$output" >&2; fi
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  ticker=
fi

if [ "$installed" = no ]; then
  cat >&2 <<'END'

The dependencies could not be installed: npm's own words are above. Often it is the network or a proxy (see
`npm config get registry` and `npm ping`), or a full disk. Nothing was started; run the same command again afterwards.
END
  exit 1
fi

if ! PATH="$PWD/node_modules/.bin:$PATH" node_is_new_enough; then
  cat >&2 <<'END'
The install did not bring Node 24, and the Node at hand is older than 22.18. The `node` package puts it in place with an
install script: let npm run it (`npm config get ignore-scripts` must be false), or install Node 22.18 or newer yourself.
END
  exit 1
fi
cp package-lock.json "$stamp"
echo "Installed." >&2
