//! The words that laws are written in.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::{CompactString, format_compact};
use futures_util::FutureExt;
use sidegate_broker::{
    Broker, BrokerError, Channel, Delivery, Inbox, Message, Outbound, Receipt, Subscription,
};
use tokio::time::timeout;

use crate::harness::{Harness, Missing, Patience};
use crate::laws::Verdict;

/// One law being tried on one broker.
pub(crate) struct Trial {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) harness: Box<dyn Harness>,
    pub(crate) patience: Patience,
    skipped: Option<String>,
}

/// Somebody who receives.
pub(crate) struct Listener {
    inbox: Box<dyn Inbox>,
    patience: Patience,
}

/// How to subscribe in a law.
pub(crate) const MANY: usize = 64;

impl Trial {
    pub(crate) async fn open(mut harness: Box<dyn Harness>) -> Result<Self, Missing> {
        let patience = harness.patience();
        let broker = within(patience.arrival, "the first connection", harness.fresh()).await?;
        Ok(Self { broker, harness, patience, skipped: None })
    }

    /// The law cannot be tried on this broker.
    pub(crate) fn skip(&mut self, why: &str) {
        self.skipped = Some(why.to_owned());
    }

    pub(crate) fn verdict(self) -> Verdict {
        self.skipped.map_or(Verdict::Kept, Verdict::Skipped)
    }

    pub(crate) async fn second_connection(&mut self) -> Arc<dyn Broker> {
        within(self.patience.arrival, "a second connection", self.harness.second_connection()).await
    }

    pub(crate) async fn restart(&mut self) {
        self.broker = within(self.patience.arrival, "the restart", self.harness.restart()).await;
    }

    /// Publishes, which must succeed.
    pub(crate) async fn publish(&self, outbound: Outbound) {
        let sent = self.try_publish(&self.broker, outbound).await;
        assert!(sent.is_ok(), "the broker must take a message: {sent:?}");
    }

    pub(crate) async fn try_publish(
        &self,
        broker: &Arc<dyn Broker>,
        outbound: Outbound,
    ) -> Result<Receipt, BrokerError> {
        within(self.patience.arrival, "publishing", broker.publish(outbound)).await
    }

    /// Publishes a command for each id.
    pub(crate) async fn send(&self, destination: &str, ids: &[&str]) {
        for id in ids {
            self.publish(command(destination, id)).await;
        }
    }

    /// Publishes commands of one key.
    pub(crate) async fn send_keyed(&self, destination: &str, key: &str, ids: &[&str]) {
        for id in ids {
            self.publish(keyed(destination, key, id)).await;
        }
    }

    /// Receives commands of a destination.
    pub(crate) async fn receive(&self, destination: &str, prefetch: usize) -> Listener {
        self.listen(&self.broker, Channel::Command, destination, "service", prefetch).await
    }

    /// Subscribes a service to an event.
    pub(crate) async fn subscribe(&self, destination: &str, service: &str) -> Listener {
        self.listen(&self.broker, Channel::Event, destination, service, MANY).await
    }

    pub(crate) async fn listen(
        &self,
        broker: &Arc<dyn Broker>,
        channel: Channel,
        destination: &str,
        service: &str,
        prefetch: usize,
    ) -> Listener {
        let subscription =
            Subscription { channel, destination: destination.into(), service: service.into(), prefetch };
        let subscribed = within(self.patience.arrival, "subscribing", broker.subscribe(subscription)).await;
        match subscribed {
            Ok(inbox) => Listener { inbox, patience: self.patience },
            Err(error) => panic!("subscribing to {destination} must succeed: {error}"),
        }
    }
}

impl Listener {
    /// The next delivery, which must come.
    pub(crate) async fn next(&mut self) -> Delivery {
        let next = within(self.patience.arrival, "a delivery", self.inbox.next()).await;
        let Some(delivery) = next else { panic!("the inbox ended although its broker is open") };
        delivery
    }

    /// The next delivery must be this message; acknowledges it.
    pub(crate) async fn expect(&mut self, id: &str) {
        let delivery = self.next().await;
        assert_eq!(delivery.message.id, id, "the message whose turn it is must be delivered");
        ack(delivery).await;
    }

    /// Acknowledges the next `count` deliveries; their ids in the order they came.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<CompactString> {
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            let delivery = self.next().await;
            ids.push(delivery.message.id.clone());
            ack(delivery).await;
        }
        ids
    }

    /// Nothing may come; `why` says what that protects.
    pub(crate) async fn expect_nothing(&mut self, why: &str) {
        if let Ok(next) = timeout(self.patience.silence, self.inbox.next()).await {
            panic!("{why}, but the inbox gave {next:?}");
        }
    }

    /// The inbox must end.
    pub(crate) async fn expect_end(&mut self) {
        let next = within(self.patience.arrival, "the end of the inbox", self.inbox.next()).await;
        assert!(next.is_none(), "a closed inbox ends and gives nothing, but it gave {next:?}");
    }

    /// Asks for the next and gives up at the first await, with nothing there or with a message on its way.
    pub(crate) fn poll_once(&mut self) -> Option<Delivery> {
        self.inbox.next().now_or_never().flatten()
    }

    /// A look at the inbox that gives up after `limit`.
    pub(crate) async fn glance(&mut self, limit: Duration) -> Option<Delivery> {
        timeout(limit, self.inbox.next()).await.ok().flatten()
    }
}

/// The next delivery of whoever gets one.
pub(crate) async fn either(one: &mut Listener, other: &mut Listener) -> Delivery {
    tokio::select! {
        delivery = one.next() => delivery,
        delivery = other.next() => delivery,
    }
}

pub(crate) async fn ack(delivery: Delivery) {
    if let Err(error) = delivery.ack().await {
        panic!("acknowledging must succeed: {error}");
    }
}

pub(crate) async fn retry(delivery: Delivery, after: Duration) {
    if let Err(error) = delivery.retry(after).await {
        panic!("giving back must succeed: {error}");
    }
}

/// A destination that nobody used before.
pub(crate) fn unique(name: &str) -> CompactString {
    format_compact!("{name}-{:012x}", fastrand::u64(..) >> 16)
}

/// A place for replies that nobody used before, of the form that every gateway's has.
pub(crate) fn place_for_replies(name: &str) -> CompactString {
    format_compact!("sidegate.replies.{}.1", unique(name))
}

pub(crate) fn message(destination: &str, id: &str) -> Message {
    Message::new(id, destination, Bytes::from(format!("body of {id}")))
}

pub(crate) fn command(destination: &str, id: &str) -> Outbound {
    outbound(Channel::Command, message(destination, id))
}

pub(crate) fn event(destination: &str, id: &str) -> Outbound {
    outbound(Channel::Event, message(destination, id))
}

pub(crate) fn keyed(destination: &str, key: &str, id: &str) -> Outbound {
    let message = Message { key: Some(key.into()), ..message(destination, id) };
    outbound(Channel::Command, message)
}

pub(crate) fn outbound(channel: Channel, message: Message) -> Outbound {
    Outbound { channel, message: Arc::new(message), durable: true, expires_at_ms: None }
}

async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match timeout(limit, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {limit:?}"),
    }
}
