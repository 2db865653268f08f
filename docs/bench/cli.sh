#!/usr/bin/env bash
# Size and times of `procura`, beside the command line of the TypeScript reference. Prints ratios last.
#
#   docs/bench/cli.sh                    builds release binaries first
#   PROCURA=… PROCURAD=… docs/bench/cli.sh
#
# Needs node and npm. Where the reference cannot be installed whole, its published dependencies stand in for it: loading
# those is the least it has to do, so the ratios are then lower bounds. RUNS says how often each command runs (30).
set -euo pipefail
cd "$(dirname "$0")/../.."

REFERENCE=@auth/agent-cli@0.5.1
RUNS=${RUNS:-30}
# The keychain of whoever runs this has nothing to do with it.
export PROCURA_NO_KEYCHAIN=1

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

if [ -z "${PROCURA:-}" ] || [ -z "${PROCURAD:-}" ]; then
    cargo build --release --locked --quiet --bin procura --bin procurad
    target=${CARGO_TARGET_DIR:-target}/release
    PROCURA=${PROCURA:-$target/procura} PROCURAD=${PROCURAD:-$target/procurad}
fi

# The median of wall times, in microseconds.
median() {
    local start run
    for ((run = 0; run < RUNS; run++)); do
        start=$(date +%s%N)
        "$@" >/dev/null
        echo $((($(date +%s%N) - start) / 1000))
    done | sort -n | sed -n "$((RUNS / 2 + 1))p"
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

mkdir "$work/node" && cd "$work/node"
npm init -y >/dev/null
if npm install --no-audit --no-fund --silent "$REFERENCE" >/dev/null 2>&1; then
    name="$REFERENCE"
    other=(node node_modules/.bin/auth-agent --version)
else
    name="the dependencies of $REFERENCE alone"
    npm install --no-audit --no-fund --silent @modelcontextprotocol/sdk@1 commander@13 zod@3 >/dev/null
    cat >load.mjs <<'JS'
import "commander";
import "zod";
import "@modelcontextprotocol/sdk/server/mcp.js";
import "@modelcontextprotocol/sdk/server/stdio.js";
JS
    other=(node load.mjs)
fi
other_size=$(du -sk node_modules | cut -f1)
other_start=$(median "${other[@]}")
cd - >/dev/null

size=$(du -k "$PROCURA" | cut -f1)
start=$(median "$PROCURA" --version)

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
"$PROCURAD" serve --config examples/bank/procura.toml --listen "127.0.0.1:$port" --data "$work/bank" --no-rate-limits \
    >"$work/issuer" 2>/dev/null &
server=$!
until [ -s "$work/issuer" ]; do kill -0 "$server" && sleep 0.1; done
issuer=$(head -n 1 "$work/issuer")
call=("$PROCURA" --quiet --allow-loopback-http --data "$work/profile")
"${call[@]}" connect "$issuer" --mode autonomous --capability echo >/dev/null 2>&1
execute=$(median "${call[@]}" execute echo '{"a":1}')

printf '%-46s %10s %14s\n' "" procura "$name"
printf '%-46s %7d KB %11d KB\n' "what is installed (without node itself)" "$size" "$other_size"
printf '%-46s %7d us %11d us\n' "start" "$start" "$other_start"
printf '%-46s %7d us\n' "a signed call at a running bank, whole process" "$execute"
echo
echo "size  $(ratio "$other_size" "$size")x"
echo "start $(ratio "$other_start" "$start")x"
echo "start of the other against a whole call of procura $(ratio "$other_start" "$execute")x"
