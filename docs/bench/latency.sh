#!/usr/bin/env bash
# The slowest of a hundred calls of `echo` while 70 % of what the server can do arrives, counted from when each was due.
# Prints milliseconds last; the budget is 5.
#
#   docs/bench/latency.sh                builds release binaries first
#   LOAD=… PROCURAD=… docs/bench/latency.sh
#
# REQUESTS says how many calls find the maximum, and how many are timed (20000).
set -euo pipefail
cd "$(dirname "$0")/../.."
source docs/bench/load.sh

requests=${REQUESTS:-20000}
load --requests "$requests" --rounds 1 >"$work/document"
most=$(field per_second)
rate=$(awk -v most="$most" 'BEGIN { printf "%d", most * 0.7 }')
load --requests "$requests" --rounds 1 --connections 64 --rate "$rate" >"$work/document"
cat "$work/document"
echo "of $most calls a second at most, $rate arrived"
awk -v p99="$(field p99)" 'BEGIN { printf "p99 in ms: %.1f\n", p99 / 1000 }'
