#!/usr/bin/env bash
# Finds the real brokers that tests start, and installs those that are not here: from Debian's packages (as root), by
# Go and by Maven, in versions that are pinned, with no service started. What it builds or copies lies in
# target/brokers/. A broker that cannot be had is a note and no error: its tests say so themselves, and fail in CI.
set -euo pipefail
cd "$(dirname "$0")/../.."

nats_version=2.11.9
kafka_version=4.1.0 # also in tests/tools/kafka/pom.xml

cache=$PWD/target/brokers
nats=$cache/bin/nats-server
libs=$cache/kafka-libs
rabbit=/usr/lib/rabbitmq/bin/rabbitmq-server
logs=$cache/logs

mkdir -p "$cache/bin" "$logs"
# Two checkouts' worth of tests may start together; the second finds what the first has made.
exec 9>"$cache/lock"
flock 9

have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
is_root_of_debian() { [ "$(id -u)" = 0 ] && have apt-get; }
told() { printf '  %-18s %s\n' "$1" "$2"; }
note() { printf '  %-18s NOTE: %s\n' "$1" "$2"; }

has_nats() { [ -x "$nats" ] && [ "$("$nats" --version)" = "nats-server: v$nats_version" ]; }
has_rabbit() { [ -x "$rabbit" ] || have rabbitmq-server; }
has_kafka_jars() { [ -f "$libs/kafka_2.13-$kafka_version.jar" ]; }

# What Debian's packages have to bring: one name a line.
packages() {
    local tool
    # The Kafka client is C, and is compiled with the workspace.
    for tool in g++ make pkg-config zlib1g-dev libssl-dev; do
        installed "$tool" || echo "$tool"
    done
    has_rabbit || echo rabbitmq-server
    have redis-server || echo redis-server
    have java || echo default-jre-headless
    has_kafka_jars || have mvn || echo maven
    has_nats || have go || echo nats-server
}

# Services of a package are not to start: a test starts its own.
without_services() {
    local policy=/usr/sbin/policy-rc.d made=no status=0
    if [ ! -e "$policy" ]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    "$@" || status=$?
    [ "$made" = no ] || rm -f "$policy"
    return "$status"
}

apt() {
    local quietly=(-qq -y --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
    DEBIAN_FRONTEND=noninteractive without_services apt-get "${quietly[@]}" install "$@" >>"$logs/apt" 2>&1
}

install_packages() {
    local wanted package
    mapfile -t wanted < <(packages)
    [ "${#wanted[@]}" -gt 0 ] || return 0
    if ! is_root_of_debian; then
        note packages "not here, and to be installed by hand: ${wanted[*]}"
        return 0
    fi
    apt-get -qq update >"$logs/apt" 2>&1 || true
    if apt "${wanted[@]}"; then
        told packages "installed ${wanted[*]}"
        return 0
    fi
    # One that is not to be had must not keep the others away.
    for package in "${wanted[@]}"; do
        if apt "$package"; then told "$package" installed; else note "$package" "cannot be installed, see $logs/apt"; fi
    done
}

# Debian's is older than what JetStream needs for everything, and better than none.
install_nats() {
    ! has_nats && have go || return 0
    GOBIN=$cache/bin CGO_ENABLED=0 timeout 600 \
        go install "github.com/nats-io/nats-server/v2@v$nats_version" >"$logs/nats" 2>&1
}

install_kafka() {
    ! has_kafka_jars && have mvn && have java || return 0
    local part=$cache/kafka-libs.part
    rm -rf "$part" "$libs"
    timeout 600 mvn -q -B -f tests/tools/kafka/pom.xml dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$part" >"$logs/kafka" 2>&1 && mv "$part" "$libs"
}

report() {
    local redis
    if has_nats; then
        told nats-server "$nats_version, ${nats#"$PWD"/}"
    elif have nats-server; then
        note nats-server "the machine's own is used in place of $nats_version; see $logs/nats"
    else
        note nats-server "not here, its tests cannot run; see $logs/nats"
    fi
    if has_rabbit; then told rabbitmq-server here; else note rabbitmq-server "not here, its tests cannot run"; fi
    if has_kafka_jars && have java; then
        told kafka "$kafka_version, ${libs#"$PWD"/}"
    else
        note kafka "not here, its tests cannot run; see $logs/kafka"
    fi
    if redis=$(PATH="$PATH:/usr/sbin" command -v redis-server); then
        told redis-server "$redis"
    else
        note redis-server "not here, its tests cannot run"
    fi
}

# Go compiles while packages are fetched.
install_nats &
building=$!
install_packages
install_kafka || note kafka "its jars cannot be had: $(tail -n 1 "$logs/kafka")"
wait "$building" || note nats-server "cannot be built: $(tail -n 1 "$logs/nats")"
if ! has_nats && ! have nats-server && is_root_of_debian; then
    apt nats-server || note nats-server "cannot be installed, see $logs/apt"
fi
report
