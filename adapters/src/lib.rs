//! From a `[broker.NAME]` table to a broker: the one place that knows every adapter.
//!
//! Each adapter is a cargo feature, all on by default. A broker that a build has no adapter for is refused by
//! [`capabilities_of`] when the config loads, and by [`connect`]; never while a request is under way.

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_config::settings::{self, BrokerUrl};

#[cfg(feature = "embedded")]
mod embedded;

/// What the gateway brings to an adapter, beside the settings.
#[derive(Clone)]
pub struct Parts {
    /// Where an embedded broker keeps its messages; `None`: in memory only. One journal serves one broker at a
    /// time: two brokers over it would deliver every message twice.
    #[cfg(feature = "embedded")]
    pub journal: Option<Arc<dyn sidegate_embedded::Journal>>,
    /// Wall-clock time in Unix milliseconds.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// Connects to the broker that the settings name.
///
/// # Errors
/// The broker cannot be reached, a `client` option is unknown or has no such value, or this build has no adapter
/// for it.
pub async fn connect(settings: &settings::Broker, parts: Parts) -> Result<Arc<dyn Broker>, BrokerError> {
    match settings.url {
        #[cfg(feature = "embedded")]
        BrokerUrl::Embedded => embedded::connect(&settings.client, parts).await,
        #[cfg(not(feature = "embedded"))]
        BrokerUrl::Embedded => {
            let _ = parts;
            Err(left_out("embedded"))
        }
    }
}

/// What the broker at `url` can do when it is set up as its adapter asks for; a connected one tells more exactly by
/// [`Broker::capabilities`].
///
/// # Errors
/// This build has no adapter for it.
pub fn capabilities_of(url: &BrokerUrl) -> Result<Capabilities, BrokerError> {
    match url {
        #[cfg(feature = "embedded")]
        BrokerUrl::Embedded => Ok(embedded::capabilities()),
        #[cfg(not(feature = "embedded"))]
        BrokerUrl::Embedded => Err(left_out("embedded")),
    }
}

#[cfg(not(feature = "embedded"))]
fn left_out(feature: &str) -> BrokerError {
    use sidegate_broker::{Effect, ErrorKind};
    let text =
        format!("this build has no `{feature}` adapter: build sidegate with the cargo feature `{feature}`");
    BrokerError::new(ErrorKind::Rejected, Effect::NotApplied, text)
}
