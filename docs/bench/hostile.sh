#!/usr/bin/env bash
# A mix of requests of which one in ten has a bad token: forged, for somebody else, replayed or expired. Prints last how
# many were not answered as they have to be.
#
#   docs/bench/hostile.sh                builds release binaries first
#   LOAD=… PROCURAD=… docs/bench/hostile.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
source docs/bench/load.sh

ended=0
load --requests "${REQUESTS:-20000}" --rounds 1 --hostile 10 \
    --mix execute=12,status=3,introspect=3,register=1,revoke=1 >"$work/document" || ended=$?
cat "$work/document"
echo "answered otherwise: $(field unexpected)"
exit "$ended"
