//! A server behind a network with faults, and connections to it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sidegate_broker::{
    Broker, BrokerError, Channel, Delivery, Inbox, Message, Names, Outbound, Receipt, Settings, Subscription,
};
use sidegate_fault_proxy::Proxy;
use sidegate_nats::connect;
use sidegate_test_brokers::{Missing, Nats, NatsOptions, available};

/// What must happen has happened by then.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(20);
/// What has not happened by then does not happen.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);
/// Short, so that what is left in hand is soon due again.
pub(crate) const ACK_WAIT: &str = "1s";

/// A server of its own, and the network to it.
pub(crate) struct World {
    pub(crate) server: Nats,
    pub(crate) proxy: Proxy,
    replicas: u32,
}

impl World {
    pub(crate) async fn start(config: &str) -> Result<Self, Missing> {
        let options = NatsOptions { config: config.to_owned(), ..NatsOptions::default() };
        let server = Nats::start(options).await?;
        let proxy = Proxy::to(server.address()).await;
        Ok(Self { server, proxy, replicas: 0 })
    }

    /// `None`: there is no NATS on this machine, and that was said.
    pub(crate) async fn new() -> Option<Self> {
        available(Self::start("").await)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.proxy.address())
    }

    /// The next replica of the gateway `shop`.
    pub(crate) fn settings(&mut self, options: &[(&str, &str)]) -> Settings {
        self.replicas += 1;
        settings(&self.url(), self.replicas, options)
    }

    /// A connection of the next replica.
    pub(crate) async fn connect(&mut self, options: &[(&str, &str)]) -> Arc<dyn Broker> {
        connect(self.settings(options)).await.expect("settings that are right")
    }

    /// A client without Sidegate, past the proxy.
    pub(crate) async fn foreign(&self) -> async_nats::Client {
        async_nats::connect(self.server.url()).await.expect("a server that runs")
    }
}

pub(crate) fn settings(url: &str, replica: u32, options: &[(&str, &str)]) -> Settings {
    let mut all = BTreeMap::from([("ack_wait".to_owned(), ACK_WAIT.to_owned())]);
    all.extend(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Settings {
        url: url.to_owned(),
        gateway: "shop".into(),
        replica: replica.to_string().into(),
        create: true,
        names: Names::default(),
        options: all,
    }
}

pub(crate) fn message(destination: &str, id: &str) -> Message {
    Message::new(id, destination, Bytes::from(format!("body of {id}")))
}

pub(crate) fn command(message: Message) -> Outbound {
    Outbound { channel: Channel::Command, message: Arc::new(message), durable: true, expires_at_ms: None }
}

/// A command that need not be durable.
pub(crate) fn direct(message: Message) -> Outbound {
    Outbound { durable: false, ..command(message) }
}

pub(crate) fn reply(message: Message, durable: bool) -> Outbound {
    Outbound { channel: Channel::Reply, durable, ..command(message) }
}

pub(crate) async fn publish(broker: &Arc<dyn Broker>, outbound: Outbound) -> Result<Receipt, BrokerError> {
    within("publishing", broker.publish(outbound)).await
}

pub(crate) async fn subscribe(
    broker: &Arc<dyn Broker>,
    channel: Channel,
    destination: &str,
) -> Box<dyn Inbox> {
    let subscription =
        Subscription { channel, destination: destination.into(), service: "shop".into(), prefetch: 16 };
    let subscribed = within("subscribing", broker.subscribe(subscription)).await;
    subscribed.unwrap_or_else(|error| panic!("subscribing to {destination} must succeed: {error}"))
}

pub(crate) async fn receive(broker: &Arc<dyn Broker>, destination: &str) -> Box<dyn Inbox> {
    subscribe(broker, Channel::Command, destination).await
}

pub(crate) async fn next(inbox: &mut Box<dyn Inbox>) -> Delivery {
    within("a delivery", inbox.next()).await.expect("an open inbox")
}

/// Nothing may come; `why` says what that protects.
pub(crate) async fn expect_nothing(inbox: &mut Box<dyn Inbox>, why: &str) {
    if let Ok(next) = tokio::time::timeout(SILENCE, inbox.next()).await {
        panic!("{why}, but {next:?} came");
    }
}

pub(crate) async fn ack(delivery: Delivery) {
    within("acknowledging", delivery.ack()).await.expect("an acknowledgement is taken");
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(ARRIVAL, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {ARRIVAL:?}"),
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
