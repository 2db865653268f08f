#!/usr/bin/env bash
# `execute` of `echo` with the audit log on: its CPU time in the server against one raw Ed25519 verification, taken in the
# same run on the same core. Prints the ratio last; 0.5 is the budget.
#
#   docs/bench/execute.sh                builds release binaries first
#   LOAD=… PROCURAD=… docs/bench/execute.sh
#
# Needs two cores and taskset. REQUESTS (20000) go in each of ROUNDS (5), over CONNECTIONS (16).
set -euo pipefail
cd "$(dirname "$0")/../.."
source docs/bench/load.sh

load --requests "${REQUESTS:-20000}" --rounds "${ROUNDS:-5}" --connections "${CONNECTIONS:-16}" >"$work/document"
cat "$work/document"
echo "calls for each verification: $(field median_ratio_to_verification)"
