#!/usr/bin/env bash
# Resident memory of a server that has been asked nothing. Prints megabytes last; the budget is 40.
#
#   docs/bench/idle.sh                   builds release binaries first
#   LOAD=… PROCURAD=… docs/bench/idle.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
source docs/bench/load.sh

"$PROCURAD" serve --config examples/bank/procura.toml --listen 127.0.0.1:0 --data "$work/data" \
    >"$work/issuer" 2>"$work/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$work"' EXIT
until [ -s "$work/issuer" ]; do
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
sleep 5
awk '/^VmRSS:/ { printf "idle MB: %.1f\n", $2 / 1024 }' "/proc/$server/status"
