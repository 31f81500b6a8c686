//! Gateways with a broker between them: one asks, the other answers by the service beside it; and one whose messages
//! nobody receives.

use std::net::SocketAddr;

use crate::cli::Place;

const GATEWAY: &str = r#"
[gateway]
name = "NAME"
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
drain = "2s"

[broker.main]
url = "URL"
"#;

const STORE: &str = r#"
[store]
url = "sqlite:bench.db"
"#;

const ASKING: &str = r#"
[[route]]
name = "send"
http = "POST /send"
send = "DESTINATION"
reply = "wait"
timeout = "30s"

[[route]]
name = "held"
http = "POST /held"
send = "DESTINATION"
reply = "wait"
durable = true
timeout = "30s"

[[route]]
name = "work"
http = "POST /work"
send = "DESTINATION"
timeout = "1h"
"#;

/// As much at once as the load generator has connections.
const ANSWERING: &str = r#"
[[consumer]]
receive = "DESTINATION"
call = "POST http://BACKEND/"
concurrency = 64
"#;

/// What the broker does not take as fast as it is accepted is waited for at the end, and not refused.
const ACCEPTING: &str = r#"
[store]
url = "sqlite:bench.db"
pending = 10_000_000

[[route]]
name = "accept"
http = "POST /orders"
send = "DESTINATION"
timeout = "24h"
"#;

/// The gateway that callers ask.
pub(crate) fn asking(place: &Place) -> String {
    filled("asking", &[STORE, ASKING], place)
}

/// The gateway beside the service.
pub(crate) fn answering(place: &Place, backend: SocketAddr) -> String {
    filled("answering", &[STORE, ANSWERING], place).replace("BACKEND", &backend.to_string())
}

/// The gateway that accepts for nobody.
pub(crate) fn accepting(place: &Place) -> String {
    filled("accepting", &[ACCEPTING], place)
}

fn filled(name: &str, parts: &[&str], place: &Place) -> String {
    let toml = [GATEWAY, &parts.concat()].concat();
    toml.replace("NAME", name).replace("URL", &place.url).replace("DESTINATION", &place.destination)
}

#[cfg(test)]
mod tests {
    use super::{Place, accepting, answering, asking};

    #[test]
    fn nothing_is_left_open_in_a_config() {
        let place = Place { url: "nats://127.0.0.1:4222".into(), destination: "bench.work.1".into() };
        let backend = std::net::SocketAddr::from(([127, 0, 0, 1], 80));
        for toml in [asking(&place), answering(&place, backend), accepting(&place)] {
            assert!(toml.contains(&place.url) && toml.contains(&place.destination), "{toml}");
            let open = ["NAME", "URL", "DESTINATION", "BACKEND"].into_iter().find(|word| toml.contains(word));
            assert_eq!(open, None, "a word that stands for something else: {toml}");
        }
    }
}
