//! One gateway with the broker in its own process: what it accepts it receives itself, where there is a service.

use std::fmt::Write;
use std::net::SocketAddr;

const GATEWAY: &str = r#"
[gateway]
name = "bench"
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
drain = "2s"

[store]
url = "sqlite:bench.db"

[broker.main]
url = "embedded:"

# Accepted and kept: nobody receives it, so it stays open.
[[route]]
name = "accept"
http = "POST /orders"
send = "orders.create"
timeout = "24h"

# Accepted, and ended as soon as the broker has it: fills a store with ended operations.
[[route]]
name = "event"
http = "POST /order-events"
publish = "orders.created"

# Held and never answered.
[[route]]
name = "never"
http = "POST /never"
send = "orders.never"
reply = "wait"
timeout = "10m"
"#;

/// Both sides in one process; as much at once as the load generator has connections.
const SERVICE: &str = r#"
[[route]]
name = "call"
http = "POST /call"
call = "POST http://BACKEND/"
timeout = "30s"

[[route]]
name = "send"
http = "POST /send"
send = "work.fast"
reply = "wait"
timeout = "30s"

[[route]]
name = "work"
http = "POST /work"
send = "work.durable"
timeout = "1h"

[[route]]
name = "held"
http = "POST /held"
send = "work.held"
reply = "wait"
durable = true
timeout = "30s"
"#;

/// Without a backend it accepts, and nothing is executed.
pub(crate) fn alone(backend: Option<SocketAddr>) -> String {
    let mut toml = GATEWAY.to_owned();
    let Some(backend) = backend else { return toml };
    toml.push_str(SERVICE);
    for destination in ["work.fast", "work.durable", "work.held"] {
        // Writing to a string cannot fail.
        let _ = write!(
            toml,
            "\n[[consumer]]\nreceive = \"{destination}\"\ncall = \"POST http://BACKEND/\"\nconcurrency = 64\n"
        );
    }
    toml.replace("BACKEND", &backend.to_string())
}
