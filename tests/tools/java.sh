#!/usr/bin/env bash
# Prints how a Java program that uses the brokers' clients is started, a word a line; its first class has `main`. The
# clients' jars lie in target/java, where each program is compiled once. Exits with 69 where there is no JDK 17 or no
# Maven, with 75 where there are no clients.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
pom=tests/tools/java/pom.xml
home=$PWD/target/java

for tool in java javac mvn; do
    command -v "$tool" >/dev/null || { echo "$tool is not on this machine" >&2; exit 69; }
done
javac --release 17 --version >/dev/null 2>&1 || { echo "a JDK from 17 on is not on this machine" >&2; exit 69; }
mkdir -p target
exec 9>"$home.lock"
flock 9

fetch() {
    rm -rf "$home"
    timeout 600 mvn -q -B -f "$pom" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$home/lib" &&
        cp "$pom" "$home/pom.xml"
}

compile() {
    rm -rf "$classes" "$classes.part"
    mkdir "$classes.part"
    cp "$program" "$classes.part/Program.java"
    javac --release 17 -parameters -proc:none -cp "$home/lib/*" -d "$classes.part" "$classes.part/Program.java"
    mv "$classes.part" "$classes"
}

cmp -s "$pom" "$home/pom.xml" || fetch >&2 || exit 75
classes=$home/$(sha256sum <"$program" | cut -c -16)
[ -d "$classes" ] || compile >&2
main=$(sed -n 's/^class \([A-Za-z]*\).*/\1/p' "$program" | head -n 1)
# One compiler tier and a small heap: such a program lives for seconds, beside others on few cores.
printf '%s\n' java -XX:TieredStopAtLevel=1 -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$home/lib/*:$classes" "$main"
