//! From a `[broker.NAME]` table to a broker: the one place that knows every adapter.
//!
//! Each adapter is a cargo feature, all on by default. A broker that a build has no adapter for is refused by
//! [`capabilities_of`] when the config loads, and by [`connect`]; never while a request is under way.

use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_config::settings::{self, BrokerUrl};

mod left_out;

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;

left_out::stand_in! {
    embedded = "embedded",
    kafka = "kafka",
    nats = "nats",
    rabbitmq = "rabbitmq",
    redis = "redis",
}

#[cfg(test)]
mod tests;

/// What the gateway brings to an adapter, beside the settings.
#[derive(Clone)]
pub struct Parts {
    /// `[gateway] name`: replicas of it share the work.
    pub gateway: CompactString,
    /// Which replica this is: the same after a restart, different from every other.
    pub replica: CompactString,
    /// Where an embedded broker keeps its messages; `None`: in memory only. One journal serves one broker at a
    /// time: two brokers over it would deliver every message twice.
    #[cfg(feature = "embedded")]
    pub journal: Option<Arc<dyn sidegate_embedded::Journal>>,
    /// Wall-clock time in Unix milliseconds.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// Connects to the broker that the settings name.
///
/// A broker between processes that is down is no error: it is connected to as soon as it is there.
///
/// # Errors
/// What is wrong for good: a `client` option is unknown or has no such value, a file that one names cannot be read,
/// or this build has no adapter for the broker.
pub async fn connect(settings: &settings::Broker, parts: Parts) -> Result<Arc<dyn Broker>, BrokerError> {
    match settings.url {
        BrokerUrl::Embedded => embedded::connect(settings, parts).await,
        BrokerUrl::Nats(_) => nats::connect(settings, parts).await,
        BrokerUrl::RabbitMq(_) => rabbitmq::connect(settings, parts).await,
        BrokerUrl::Kafka(_) => kafka::connect(settings, parts).await,
        BrokerUrl::Redis(_) => redis::connect(settings, parts).await,
    }
}

/// What the broker at `url` can do when it is set up as its adapter asks for; a connected one tells more exactly by
/// [`Broker::capabilities`].
///
/// # Errors
/// This build has no adapter for it.
pub fn capabilities_of(url: &BrokerUrl) -> Result<Capabilities, BrokerError> {
    match url {
        BrokerUrl::Embedded => embedded::capabilities(),
        BrokerUrl::Nats(_) => nats::capabilities(),
        BrokerUrl::RabbitMq(_) => rabbitmq::capabilities(),
        BrokerUrl::Kafka(_) => kafka::capabilities(),
        BrokerUrl::Redis(_) => redis::capabilities(),
    }
}

/// The largest message, of body and headers, that the broker takes, as far as the settings say: NATS tells only when
/// it is connected to, and then by [`Broker::capabilities`]. What is wrong with them is told by [`connect`].
#[must_use]
pub fn message_bytes_max(settings: &settings::Broker) -> Option<usize> {
    const OPTION: &str = "message_bytes_max";
    match (&settings.url, settings.client.get(OPTION)) {
        (BrokerUrl::Nats(_), _) => None,
        (_, Some(bytes)) => bytes.parse().ok(),
        (url, None) => capabilities_of(url).ok().map(|capabilities| capabilities.message_bytes_max),
    }
}

/// What the adapter of a broker between processes is told.
#[cfg(any(feature = "kafka", feature = "nats", feature = "rabbitmq", feature = "redis"))]
fn told(settings: &settings::Broker, parts: Parts) -> sidegate_broker::Settings {
    let renamed = settings.names.iter().map(|(ours, wire)| (ours.clone(), wire.clone()));
    sidegate_broker::Settings {
        url: settings.url.expose().to_owned(),
        gateway: parts.gateway,
        replica: parts.replica,
        create: settings.create,
        names: sidegate_broker::Names::new(renamed),
        options: settings.client.clone(),
    }
}
