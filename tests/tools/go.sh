#!/usr/bin/env bash
# Prints how a Go program that uses the brokers' clients is started, a word a line. The clients' modules are named in
# target/go, where each program is compiled once. Exits with 69 where there is no Go, with 75 where there are no clients.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
modules=(
    github.com/nats-io/nats.go@v1.55.0
    github.com/rabbitmq/amqp091-go@v1.16.0
    github.com/twmb/franz-go@v1.22.2
)
home=$PWD/target/go
# A client that wants a newer Go is to be an error, not a download of that Go.
export GOTOOLCHAIN=local

command -v go >/dev/null || { echo "go is not on this machine" >&2; exit 69; }
mkdir -p target
exec 9>"$home.lock"
flock 9

fetch() {
    rm -rf "$home"
    mkdir "$home" &&
        (cd "$home" && go mod init sidegate/foreign && go get "${modules[@]}") &&
        echo "${modules[*]}" >"$home/modules"
}

# -mod=mod: the checksums of what the clients need are written down when they are first needed.
compile() {
    mkdir -p "$home/$name"
    cp "$program" "$home/$name/main.go"
    (cd "$home" && go build -mod=mod -o "bin/$name" "./$name")
}

[ "$(cat "$home/modules" 2>/dev/null)" = "${modules[*]}" ] || fetch >&2 || exit 75
name=$(sha256sum <"$program" | cut -c -16)
[ -x "$home/bin/$name" ] || compile >&2
echo "$home/bin/$name"
