//! Brokers, consumers and foreign clients, in the words that the tests are written in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::{CompactString, format_compact};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::{Headers as _, OwnedMessage};
use rdkafka::producer::FutureProducer;
use sidegate_broker::{Broker, Channel, Delivery, Inbox, Message, Names, Outbound, Settings, Subscription};
use tokio::time::{Instant, timeout};

/// What must happen has happened by then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A name that nobody used before.
pub(crate) fn unique(name: &str) -> CompactString {
    format_compact!("{name}-{:012x}", fastrand::u64(..) >> 16)
}

/// A gateway's settings for a cluster.
pub(crate) fn settings(url: &str, options: &[(&str, &str)]) -> Settings {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings {
        url: url.to_owned(),
        gateway: "orders".into(),
        replica: unique("replica"),
        create: true,
        names: Names::default(),
        options: options.collect::<BTreeMap<_, _>>(),
    }
}

pub(crate) fn connect(url: &str, options: &[(&str, &str)]) -> Arc<dyn Broker> {
    sidegate_kafka::connect(settings(url, options)).expect("settings that are right")
}

/// Receives as a service of that name.
pub(crate) async fn receive(broker: &Arc<dyn Broker>, topic: &str, service: &str) -> Box<dyn Inbox> {
    listen(broker, Channel::Command, topic, service).await
}

pub(crate) async fn listen(
    broker: &Arc<dyn Broker>,
    channel: Channel,
    destination: &str,
    service: &str,
) -> Box<dyn Inbox> {
    let destination = destination.into();
    let subscription = Subscription { channel, destination, service: service.into(), prefetch: 64 };
    broker.subscribe(subscription).await.expect("a subscription")
}

pub(crate) fn message(destination: &str, id: &str) -> Message {
    Message::new(id, destination, Bytes::from(format!("body of {id}")))
}

pub(crate) fn outbound(channel: Channel, message: Message) -> Outbound {
    Outbound { channel, message: Arc::new(message), durable: true, expires_at_ms: None }
}

pub(crate) async fn send(broker: &Arc<dyn Broker>, message: Message) {
    broker.publish(outbound(Channel::Command, message)).await.expect("the cluster takes a message");
}

pub(crate) async fn next(inbox: &mut dyn Inbox) -> Delivery {
    timeout(PATIENCE, inbox.next()).await.expect("a delivery in time").expect("an open inbox")
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn until_connected(broker: &Arc<dyn Broker>) {
    let deadline = Instant::now() + PATIENCE;
    while !broker.state().connected {
        assert!(Instant::now() < deadline, "the adapter connects again within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A producer that knows nothing of Sidegate.
pub(crate) fn foreign_producer(url: &str) -> FutureProducer {
    ClientConfig::new().set("bootstrap.servers", hosts(url)).create().expect("a producer")
}

/// A consumer that knows nothing of Sidegate, at the beginning of a topic.
pub(crate) fn foreign_consumer(url: &str, topic: &str) -> StreamConsumer {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", hosts(url))
        .set("group.id", unique("foreign").as_str())
        .set("auto.offset.reset", "earliest")
        .set("topic.metadata.refresh.interval.ms", "500")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    consumer
}

pub(crate) async fn foreign_next(consumer: &StreamConsumer) -> OwnedMessage {
    let received = async {
        loop {
            if let Ok(record) = consumer.recv().await {
                return record.detach();
            }
        }
    };
    timeout(PATIENCE, received).await.expect("a record in time")
}

/// A header's bytes.
pub(crate) fn header<'a>(record: &'a OwnedMessage, name: &str) -> Option<&'a [u8]> {
    use rdkafka::Message as _;
    record.headers()?.iter().find(|header| header.key == name)?.value
}

pub(crate) fn hosts(url: &str) -> &str {
    url.trim_start_matches("kafka+tls://").trim_start_matches("kafka://")
}
