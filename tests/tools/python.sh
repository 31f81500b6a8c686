#!/usr/bin/env bash
# Prints the path of a Python that has the brokers' clients, made in target/python when it is not there yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(pika==1.4.4 nats-py==2.16.0 confluent-kafka==2.16.1)
home=$PWD/target/python
python=$home/bin/python

exec 9>"${TMPDIR:-/tmp}/sidegate-python.lock"
flock 9
if ! { [ -x "$python" ] && [ "$(cat "$home/packages" 2>/dev/null)" = "${packages[*]}" ]; }; then
    rm -rf "$home"
    python3 -m venv "$home" >&2
    "$home/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
    echo "${packages[*]}" >"$home/packages"
fi
echo "$python"
