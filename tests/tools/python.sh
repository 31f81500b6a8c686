#!/usr/bin/env bash
# Prints how a Python program that uses the brokers' clients is started, a word a line. The clients lie in target/python,
# and are fetched when they are not there yet. Exits with 69 where there is no Python, with 75 where there are no clients.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
packages=(pika==1.4.4 nats-py==2.16.0 confluent-kafka==2.16.1)
home=$PWD/target/python

command -v python3 >/dev/null || { echo "python3 is not on this machine" >&2; exit 69; }
mkdir -p target
exec 9>"$home.lock"
flock 9

fetch() {
    rm -rf "$home"
    python3 -m venv "$home" &&
        "$home/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" &&
        echo "${packages[*]}" >"$home/packages"
}

[ "$(cat "$home/packages" 2>/dev/null)" = "${packages[*]}" ] || fetch >&2 || exit 75
printf '%s\n' "$home/bin/python" "$program"
