#!/usr/bin/env bash
# Prints how a Node.js program that uses the brokers' clients is started, a word a line. The clients lie in target/node,
# and are fetched when they are not there yet. Exits with 69 where there is no Node.js, with 75 where there are no clients.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
packages=(@nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0 amqplib@2.3.1 @platformatic/kafka@1.35.0)
home=$PWD/target/node

command -v node >/dev/null || { echo "node is not on this machine" >&2; exit 69; }
mkdir -p target
exec 9>"$home.lock"
flock 9

fetch() {
    rm -rf "$home"
    mkdir "$home" &&
        npm install --silent --no-audit --no-fund --save-exact --prefix "$home" "${packages[@]}" &&
        echo "${packages[*]}" >"$home/packages"
}

[ "$(cat "$home/packages" 2>/dev/null)" = "${packages[*]}" ] || fetch >&2 || exit 75
# A module looks for what it imports beside itself, and then further up.
name=$(sha256sum <"$program" | cut -c -16).mjs
cp "$program" "$home/$name"
printf '%s\n' node "$home/$name"
