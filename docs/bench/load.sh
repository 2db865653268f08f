# Sourced by the scripts beside: `load` with the server on one core and the generator on another, and `field`, which
# takes a number out of "$work/document" by its name.

if [ -z "${LOAD:-}" ] || [ -z "${PROCURAD:-}" ]; then
    cargo build --release --workspace --locked --quiet --bin procurad --bin load
    target=${CARGO_TARGET_DIR:-target}/release
    LOAD=${LOAD:-$target/load} PROCURAD=${PROCURAD:-$target/procurad}
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

load() { taskset -c 1 "$LOAD" --procurad "$PROCURAD" --server-core 0 "$@"; }

field() { sed -n "s/^ *\"$1\": \([0-9.]*\),*\$/\1/p" "$work/document" | head -n 1; }
