//! What the tests of this adapter are written with.

pub(crate) mod harness;
pub(crate) mod plain;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::{CompactString, format_compact};
use sidegate_broker::{
    Broker, BrokerError, Channel, Delivery, Inbox, Message, Names, Outbound, Receipt, Settings, Subscription,
};
use tokio::time::{Instant, sleep, timeout};

/// What must happen has happened after this.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(30);

pub(crate) fn settings(address: SocketAddr, options: &[(&str, &str)]) -> Settings {
    settings_at(&format!("amqp://guest:guest@{address}"), options)
}

pub(crate) fn settings_at(url: &str, options: &[(&str, &str)]) -> Settings {
    Settings {
        url: url.to_owned(),
        gateway: "orders".into(),
        replica: "replica-1".into(),
        create: true,
        names: Names::default(),
        options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

pub(crate) fn connect(settings: Settings) -> Arc<dyn Broker> {
    sidegate_rabbitmq::connect(settings).expect("settings that are right")
}

/// Looks until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + ARRIVAL;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {ARRIVAL:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A destination that nobody used before.
pub(crate) fn unique(name: &str) -> CompactString {
    format_compact!("{name}-{:012x}", fastrand::u64(..) >> 16)
}

pub(crate) fn message(destination: &str, id: &str) -> Message {
    Message::new(id, destination, Bytes::from(format!("body of {id}")))
}

pub(crate) fn outbound(channel: Channel, message: Message) -> Outbound {
    Outbound { channel, message: Arc::new(message), durable: true, expires_at_ms: None }
}

pub(crate) async fn publish(
    broker: &Arc<dyn Broker>,
    channel: Channel,
    message: Message,
) -> Result<Receipt, BrokerError> {
    within("publishing", broker.publish(outbound(channel, message))).await
}

pub(crate) async fn send(broker: &Arc<dyn Broker>, destination: &str, id: &str) {
    let sent = publish(broker, Channel::Command, message(destination, id)).await;
    assert!(sent.is_ok(), "the broker takes a message: {sent:?}");
}

/// Publishes until the broker has it, however often it takes.
pub(crate) async fn send_until_taken(broker: &Arc<dyn Broker>, destination: &str, id: &str) {
    let deadline = Instant::now() + ARRIVAL;
    while let Err(error) = publish(broker, Channel::Command, message(destination, id)).await {
        assert!(Instant::now() < deadline, "the broker must take {id} in the end: {error}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn listen(
    broker: &Arc<dyn Broker>,
    channel: Channel,
    destination: &str,
    prefetch: usize,
) -> Box<dyn Inbox> {
    let subscription =
        Subscription { channel, destination: destination.into(), service: "service".into(), prefetch };
    let inbox = within("subscribing", broker.subscribe(subscription)).await;
    inbox.unwrap_or_else(|error| panic!("subscribing to {destination} must succeed: {error}"))
}

pub(crate) async fn next(inbox: &mut Box<dyn Inbox>) -> Delivery {
    within("a delivery", inbox.next()).await.expect("an open inbox")
}

pub(crate) async fn ack(delivery: Delivery) {
    let acked = delivery.ack().await;
    assert!(acked.is_ok(), "acknowledging must succeed: {:?}", acked.err().map(|error| error.to_string()));
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(ARRIVAL, future).await.unwrap_or_else(|_| panic!("{what} did not happen within {ARRIVAL:?}"))
}
