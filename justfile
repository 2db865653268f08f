# Recipes for people; continuous integration runs the same steps through .ci/run.

# Formatting, lints and documentation
check:
    .ci/run check

# All tests
test:
    cargo test --workspace

# Licences, bans and sources of dependencies
deny:
    .ci/run deny

# Everything that continuous integration runs
ci:
    .ci/run

# The bank example on http://127.0.0.1:8080
dev:
    cargo run --bin procurad -- serve --config examples/bank/procura.toml --data bank-data

# Review changed snapshots
snap:
    cargo insta review

# Compile the SQL against a fresh database and rewrite the checked-in cache
sql:
    .ci/run sql

# Fuzz one parser, or all with `just fuzz "" 60`
fuzz TARGET SECS="60":
    FUZZ_TARGETS="{{TARGET}}" FUZZ_SECONDS="{{SECS}}" .ci/run fuzz
