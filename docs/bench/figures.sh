#!/usr/bin/env bash
# Runs each script that has a figure about a running server, and prints the last line of each as a table with the machine above.
#
#   docs/bench/figures.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "$(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r), $(date -I)"
echo
echo "| command | figure |"
echo "|---|---|"
for script in execute latency hostile idle; do
    figure=$("docs/bench/$script.sh" | tail -n 1)
    echo "| \`docs/bench/$script.sh\` | $figure |"
done
