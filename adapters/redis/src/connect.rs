//! The broker itself: what it can do, connecting and closing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Health, Inbox, LinkState, Outbound, Receipt,
    Settings, Subscription,
};

use crate::link::{self, Link};
use crate::options::{self, Options};
use crate::{probe, publish, subscribe};

struct RedisBroker {
    link: Arc<Link>,
}

/// What Redis can do when it writes every command to disk before it answers (`appendfsync always`).
#[must_use]
pub const fn capabilities() -> Capabilities {
    capabilities_within(options::MESSAGE_BYTES_MAX)
}

const fn capabilities_within(message_bytes_max: usize) -> Capabilities {
    Capabilities {
        durable: true,
        serializes_keys: false,
        counts_attempts: true,
        delays_retry: false,
        between_processes: true,
        message_bytes_max,
    }
}

/// Connects in the background, for as long as it takes: a Redis that is down is no error. The URL is `redis://`,
/// `rediss://` or `redis+tls://`.
///
/// # Errors
/// What is wrong for good: the URL, an option, or a file that one names.
pub async fn connect(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
    let checked = Options::read(&settings.options)?;
    let client = options::client(&settings.url, &settings.options)?;
    let link = Arc::new(Link::new(client, checked, settings));
    tokio::spawn(link::keep_connected(Arc::clone(&link)));
    Ok(Arc::new(RedisBroker { link }))
}

impl Broker for RedisBroker {
    fn capabilities(&self) -> Capabilities {
        capabilities_within(self.link.options.message_bytes_max)
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(publish::publish(&self.link, outbound))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(subscribe::subscribe(&self.link, subscription))
    }

    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(publish::prepare(&self.link, channel, destination))
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        Box::pin(probe::probe(&self.link))
    }

    fn state(&self) -> LinkState {
        self.link.state()
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.link.close(grace))
    }
}

/// A broker that is dropped and was not closed leaves no task behind.
impl Drop for RedisBroker {
    fn drop(&mut self) {
        self.link.end();
    }
}

impl fmt::Debug for RedisBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBroker").field("host", &self.link.host).finish_non_exhaustive()
    }
}
