//! The broker itself: two connections that are kept, and what is done over each.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Health, Inbox, LinkState, Outbound, Receipt,
    Subscription,
};
use tokio::time::{Instant, timeout};

use crate::error;
use crate::link::{Link, View};
use crate::options::Config;
use crate::probe;
use crate::publish;
use crate::subscribe;
use crate::topology::{self, Place};

/// The longest that closing takes, whatever the broker does.
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// Of that, for the good-byes.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// RabbitMQ as Sidegate uses it.
pub(crate) struct Rabbit {
    config: Arc<Config>,
    publishing: Arc<Link>,
    consuming: Arc<Link>,
    /// Queues that are consumed from here.
    queues: Mutex<BTreeSet<CompactString>>,
}

impl Rabbit {
    pub(crate) fn new(config: Config) -> Self {
        let config = Arc::new(config);
        let publishing = Link::new(&config, "publishing");
        publishing.start();
        let consuming = Link::new(&config, "consuming");
        Self { config, publishing, consuming, queues: Mutex::default() }
    }

    async fn join(&self, subscription: Subscription) -> Result<Box<dyn Inbox>, BrokerError> {
        self.consuming.start();
        let queue = topology::queue_name(&subscription);
        let inbox = subscribe::subscribe(&self.consuming, subscription).await?;
        self.queues.lock().insert(queue);
        Ok(inbox)
    }

    async fn make(&self, channel: Channel, destination: &str) -> Result<(), BrokerError> {
        let session = self.publishing.session().await?;
        match Place::of_sender(channel, destination) {
            Some(place) => topology::ensure(&session, place).await,
            None => Ok(()),
        }
    }

    async fn look(&self) -> Health {
        let queues: Vec<_> = self.queues.lock().iter().cloned().collect();
        probe::probe(&self.publishing, &queues).await
    }

    async fn let_go(&self, grace: Duration) {
        let deadline = Instant::now() + CLOSE_MAX;
        let consuming = self.consuming.close();
        publish::settle_down(&self.publishing, grace.min(CLOSE_MAX - GOODBYE_MAX)).await;
        let publishing = self.publishing.close();
        let left = deadline.saturating_duration_since(Instant::now()).min(GOODBYE_MAX);
        let goodbyes = [consuming, publishing].into_iter().flatten();
        let goodbyes = goodbyes.map(|session| async move { session.line.close(left).await });
        futures_util::future::join_all(goodbyes).await;
    }
}

impl Broker for Rabbit {
    fn capabilities(&self) -> Capabilities {
        Capabilities { message_bytes_max: self.config.message_bytes_max(), ..crate::capabilities() }
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(publish::publish(&self.publishing, outbound))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(self.join(subscription))
    }

    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(self.make(channel, destination))
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        Box::pin(async {
            let looked = timeout(probe::LIMIT, self.look()).await;
            looked.unwrap_or_else(|_| {
                let late = error::no_answer("tell how it is", probe::LIMIT);
                Health { problem: Some(late.to_string()), warnings: Vec::new(), waiting: Vec::new() }
            })
        })
    }

    fn state(&self) -> LinkState {
        let is_up = |link: &Link| matches!(link.view(), View::Up(_));
        LinkState {
            connected: is_up(&self.publishing) && (!self.consuming.is_started() || is_up(&self.consuming)),
            // Both are lost together as a rule: one outage counts once.
            reconnects: self.publishing.reconnects().max(self.consuming.reconnects()),
            unconfirmed: self.publishing.unconfirmed.load(Ordering::Relaxed),
        }
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.let_go(grace))
    }
}

impl Drop for Rabbit {
    /// Without good-byes; the sockets end with the sessions.
    fn drop(&mut self) {
        self.publishing.close();
        self.consuming.close();
    }
}

impl fmt::Debug for Rabbit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rabbit")
            .field("url", &self.config.shown)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
