//! Journals, harnesses and a few words for the tests of the embedded broker.

pub(crate) mod harness;
pub(crate) mod memory;
pub(crate) mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sidegate_broker::{
    Broker, BrokerError, Channel, Delivery, Inbox, Message, Outbound, Receipt, Subscription,
};
use sidegate_embedded::{Clock, Connection, Embedded, Journal, Limits};
use tokio::time::{Instant, timeout};

/// What must happen happens within this.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(10);

/// A clock that goes with tokio's, so that paused tests have one time.
pub(crate) fn clock() -> Clock {
    const STARTED_AT_MS: u64 = 1_700_000_000_000;
    let started = Instant::now();
    Arc::new(move || STARTED_AT_MS + u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
}

pub(crate) async fn open(journal: Option<Arc<dyn Journal>>, limits: Limits) -> Embedded {
    Embedded::open(journal, limits, clock()).await.expect("a readable journal")
}

pub(crate) async fn connect(journal: Option<Arc<dyn Journal>>, limits: Limits) -> Connection {
    open(journal, limits).await.connect()
}

pub(crate) fn command(queue: &str, id: &str) -> Outbound {
    let message = Message::new(id, queue, Bytes::from_static(b"{}"));
    Outbound { channel: Channel::Command, message: Arc::new(message), durable: true, expires_at_ms: None }
}

pub(crate) fn keyed(queue: &str, key: &str, id: &str) -> Outbound {
    let message = Message { key: Some(key.into()), ..Message::new(id, queue, Bytes::from_static(b"{}")) };
    Outbound { message: Arc::new(message), ..command(queue, id) }
}

pub(crate) fn transient(outbound: Outbound) -> Outbound {
    Outbound { durable: false, ..outbound }
}

pub(crate) fn event(destination: &str, id: &str) -> Outbound {
    Outbound { channel: Channel::Event, ..command(destination, id) }
}

pub(crate) async fn send(broker: &Connection, outbound: Outbound) -> Result<Receipt, BrokerError> {
    timeout(ARRIVAL, broker.publish(outbound)).await.expect("publishing ends")
}

pub(crate) async fn sent(broker: &Connection, outbound: Outbound) {
    send(broker, outbound).await.expect("the broker takes the message");
}

pub(crate) async fn receive(broker: &Connection, queue: &str, prefetch: usize) -> Box<dyn Inbox> {
    subscribe(broker, Channel::Command, queue, prefetch).await
}

pub(crate) async fn subscribe(
    broker: &Connection,
    channel: Channel,
    destination: &str,
    prefetch: usize,
) -> Box<dyn Inbox> {
    let subscription =
        Subscription { channel, destination: destination.into(), service: "service".into(), prefetch };
    broker.subscribe(subscription).await.expect("a subscription")
}

pub(crate) async fn next(inbox: &mut Box<dyn Inbox>) -> Delivery {
    timeout(ARRIVAL, inbox.next()).await.expect("a delivery in time").expect("an open inbox")
}

/// Acknowledges the next message, which must be this one.
pub(crate) async fn expect(inbox: &mut Box<dyn Inbox>, id: &str) {
    let delivery = next(inbox).await;
    assert_eq!(delivery.message.id, id, "the message whose turn it is comes");
    delivery.ack().await.expect("an acknowledgement");
}

/// Nothing is there: everybody who could bring something had a go.
pub(crate) async fn expect_nothing(inbox: &mut Box<dyn Inbox>) {
    let next = timeout(Duration::from_millis(30), inbox.next()).await;
    assert!(next.is_err(), "nothing may come, but {next:?} came");
}
