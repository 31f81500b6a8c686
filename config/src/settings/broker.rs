//! `[broker.NAME]` as the gateway uses it. Its URL and options may hold credentials: none of them is ever shown.

use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;

use super::Secret;

/// `[broker.NAME]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its name in the config.
    pub name: CompactString,
    /// `url`.
    pub url: BrokerUrl,
    /// `create`: whether queues, streams and topics are made where they are absent.
    pub create: bool,
    /// `names`: from our name of a message header (`correlation-id`) to the one on the wire; without those that are
    /// the same.
    pub names: BTreeMap<CompactString, CompactString>,
    /// `client`: handed to the client library, checked by the adapter.
    pub client: BTreeMap<String, String>,
}

/// `[broker.NAME] url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerUrl {
    /// `"embedded:"`: in this process, durable in the store.
    Embedded,
    /// `"nats://…"`, `"tls://…"`, `"nats+tls://…"`: NATS with JetStream.
    Nats(Remote),
    /// `"amqp://…"`, `"amqps://…"`, `"amqp+tls://…"`: RabbitMQ.
    RabbitMq(Remote),
    /// `"kafka://…"`, `"kafka+tls://…"`: Apache Kafka.
    Kafka(Remote),
    /// `"redis://…"`, `"rediss://…"`, `"redis+tls://…"`: Redis Streams.
    Redis(Remote),
}

impl BrokerUrl {
    /// The URL as it is written, with the password; only for handing to an adapter.
    #[must_use]
    pub fn expose(&self) -> &str {
        match self {
            Self::Embedded => "embedded:",
            Self::Nats(remote) | Self::RabbitMq(remote) | Self::Kafka(remote) | Self::Redis(remote) => {
                remote.url.expose()
            }
        }
    }
}

/// Where a broker between processes is.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    url: Secret,
    shown: String,
    hosts: CompactString,
    tls: bool,
}

impl Remote {
    /// `shown` is the URL without its password.
    pub(crate) const fn new(url: Secret, shown: String, hosts: CompactString, tls: bool) -> Self {
        Self { url, shown, hosts, tls }
    }

    /// `HOST:PORT` as written, several by commas; nothing in it is secret.
    #[must_use]
    pub fn hosts(&self) -> &str {
        &self.hosts
    }

    /// Whether it is one of the TLS forms.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }
}

/// The URL with stars instead of its password.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// As in the config, with stars instead of a password.
impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded:"),
            Self::Nats(remote) | Self::RabbitMq(remote) | Self::Kafka(remote) | Self::Redis(remote) => {
                remote.fmt(f)
            }
        }
    }
}

/// Options may hold credentials: only their names are shown.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<&String> = self.client.keys().collect();
        f.debug_struct("Broker")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("create", &self.create)
            .field("names", &self.names)
            .field("client", &options)
            .finish()
    }
}
