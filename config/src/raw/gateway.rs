//! `[gateway]` and `[gateway.limits]`.

use crate::read::{Duration, Named, Size, Text, table};

const MIB: usize = 1024 * 1024;
const KIB: usize = 1024;

table! {
    /// The gateway itself: its name, where it listens, its limits.
    struct Gateway in "[gateway]" {
        /// The service this gateway stands beside. Replicas of one name share the work; each name gets its own copy of
        /// an event.
        name: Text, required;
        /// Data plane: `"ADDRESS:PORT"` or `"unix:PATH"`. Port 0 lets the system choose.
        listen: Text = Text::from("127.0.0.1:8080");
        /// Admin plane, never exposed with the data plane: `"ADDRESS:PORT"` or `"unix:PATH"`.
        admin: Text = Text::from("127.0.0.1:8081");
        /// How long a stopping gateway waits for what is under way. 0s to 1h.
        drain: Duration = Duration::from_secs(25);
        /// How long a replica may be silent before the others take over its work. 1s to 10m.
        lease: Duration = Duration::from_secs(10);
        /// Bearer tokens of the admin plane by who holds them, as in `{ ops = "${OPS_TOKEN}" }`. Without any, whoever
        /// can connect is trusted. Never needed for `/live`, `/ready` and `/metrics`.
        admin_tokens: Named<Text>;
        /// Every bound of the data plane.
        limits: Limits;
        later tls: "let a proxy or load balancer in front of the gateway end TLS, and listen on a loopback address or a Unix socket";
        later auth: "let a proxy in front of the gateway check who asks, and listen on a loopback address or a Unix socket";
    }
}

table! {
    /// Every bound of the data plane. Each has a clear refusal.
    struct Limits in "[gateway.limits]" {
        /// The largest body that is stored or sent, of a request or an answer; beyond it 413. 1B to 256MiB. A route
        /// can have its own.
        body: Size = Size(MIB);
        /// Request line and headers together; beyond it 431. 8KiB to 1MiB.
        head: Size = Size(16 * KIB);
        /// How many headers a request may have; beyond it 431. 1 to 1,000.
        headers: u64 = 100;
        /// Connections open at once; further ones wait in the system's backlog. 1 to 1,000,000.
        connections: u64 = 32_768;
        /// Callers held at once; beyond it 503 with `Retry-After`. 1 to 1,000,000.
        held: u64 = 20_000;
        /// Event streams and long polls open at once; beyond it 503 with `Retry-After`. 1 to 1,000,000.
        streams: u64 = 20_000;
        /// From a connection's start to its first byte. 10ms to 1h.
        first_byte: Duration = Duration::from_secs(5);
        /// From the first byte of a request to the end of its headers. 10ms to 1h.
        header: Duration = Duration::from_secs(10);
        /// Between two pieces of a body; beyond it 408. 10ms to 1h.
        body_idle: Duration = Duration::from_secs(10);
        /// For a whole body that is read into memory; beyond it 408. 10ms to 24h.
        body_total: Duration = Duration::from_secs(60);
        /// A keep-alive connection without a request. 10ms to 24h.
        idle: Duration = Duration::from_secs(60);
        /// Connections to one local service at once. 1 to 65,536.
        calls: u64 = 256;
        /// The longest `Prefer: wait` that is followed. 1s to 1h.
        wait: Duration = Duration::from_secs(60);
    }
}
