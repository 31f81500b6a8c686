#!/usr/bin/env bash
# Every check and every test, on a machine with Rust and nothing else of ours. Installs what is missing.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} CARGO_INCREMENTAL=0
# Most of these tests wait for servers more than they compute.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-6}

# The fault tests use strace to fail single system calls.
if ! command -v strace >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq strace >/dev/null
fi

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "real brokers"
tests/tools/brokers.sh

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

step "dependencies: bans, licences, sources"
tests/tools/cargo-deny.sh check bans licenses sources

step "ring is the only TLS provider"
if cargo tree --workspace --locked -i aws-lc-rs >/dev/null 2>&1; then
    echo "aws-lc-rs came into the tree: two TLS providers panic at the first connection" >&2
    exit 1
fi

step "tests"
cargo build --locked --quiet -p sidegate
export SIDEGATE_BIN="$PWD/target/debug/sidegate"
cargo test --workspace --locked --quiet

step "the black-box tests once more, over NATS"
SIDEGATE_TEST_BROKER=nats cargo test --locked --quiet -p sidegate-tests --test e2e -- \
    answering asking:: cancel deadline drain events health idempotency order outcome parked status waiting

step "the bank demo checks itself"
"$SIDEGATE_BIN" demo --check

step "done"
