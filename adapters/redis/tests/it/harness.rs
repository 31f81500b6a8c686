//! A Redis server under test, with a network between that can be cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sidegate_broker::{
    BoxFuture, Broker, Channel, Delivery, Inbox, Message, Names, Outbound, Settings, Subscription,
};
use sidegate_conformance::{Bounded, Harness, Missing, Patience};
use sidegate_fault_proxy::Proxy;
use sidegate_redis::connect;
use sidegate_test_brokers::{Redis, RedisOptions};
use tokio::time::{Instant, sleep, timeout};

const MESSAGES_MAX: usize = 20;
pub(crate) const MESSAGE_BYTES_MAX: &str = "1048576";
/// The least that may be set: laws wait for it where a consumer went away with messages in hand.
pub(crate) const CLAIM_AFTER: Duration = Duration::from_millis(1_500);
pub(crate) const ARRIVAL: Duration = Duration::from_secs(20);

pub(crate) struct RedisHarness {
    open: Option<Open>,
}

/// A server, and the way to it.
pub(crate) struct Open {
    pub(crate) server: Redis,
    pub(crate) proxy: Proxy,
    broker: Option<Arc<dyn Broker>>,
}

impl RedisHarness {
    pub(crate) const fn new() -> Self {
        Self { open: None }
    }

    fn open(&mut self) -> &mut Open {
        self.open.as_mut().expect("fresh comes first")
    }
}

impl Open {
    pub(crate) async fn start() -> Result<Self, sidegate_test_brokers::Missing> {
        let server = Redis::start(RedisOptions::default()).await?;
        let proxy = Proxy::to(server.address()).await;
        Ok(Self { server, proxy, broker: None })
    }

    /// A gateway's connection through the proxy; `replica` names it.
    pub(crate) async fn connect(&self, replica: &str, options: &[(&str, &str)]) -> Arc<dyn Broker> {
        let url = format!("redis://{}", self.proxy.address());
        let broker = connect(settings(&url, replica, options)).await.expect("nothing is wrong for good");
        until_well(&broker).await;
        broker
    }
}

pub(crate) fn settings(url: &str, replica: &str, options: &[(&str, &str)]) -> Settings {
    let claim_after = format!("{}ms", CLAIM_AFTER.as_millis());
    let defaults = [("claim_after", claim_after.as_str()), ("message_bytes_max", MESSAGE_BYTES_MAX)];
    let options =
        defaults.iter().chain(options).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings {
        url: url.to_owned(),
        gateway: "service".into(),
        replica: replica.into(),
        create: true,
        names: Names::default(),
        options: options.collect::<BTreeMap<_, _>>(),
    }
}

/// Until Redis answers through this connection.
pub(crate) async fn until_well(broker: &Arc<dyn Broker>) {
    let deadline = Instant::now() + ARRIVAL;
    while let Some(problem) = broker.probe().await.problem {
        assert!(Instant::now() < deadline, "the adapter must connect: {problem}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn command(destination: &str, id: &str) -> Outbound {
    outbound(Channel::Command, Message::new(id, destination, Bytes::from(id.to_owned())))
}

pub(crate) fn outbound(channel: Channel, message: Message) -> Outbound {
    Outbound { channel, message: Arc::new(message), durable: true, expires_at_ms: None }
}

pub(crate) fn subscription(channel: Channel, destination: &str) -> Subscription {
    Subscription { channel, destination: destination.into(), service: "service".into(), prefetch: 8 }
}

/// The next delivery, which must come.
pub(crate) async fn next(inbox: &mut Box<dyn Inbox>) -> Delivery {
    let next = timeout(ARRIVAL, inbox.next()).await;
    next.expect("a delivery must come").expect("the inbox is open")
}

impl Harness for RedisHarness {
    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async {
            let open = Open::start().await.map_err(|missing| Missing(missing.0))?;
            let broker = open.connect("one", &[]).await;
            self.open = Some(Open { broker: Some(Arc::clone(&broker)), ..open });
            Ok(broker)
        })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(self.open().connect("two", &[]))
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        let open = self.open();
        let broker = open.broker.clone().expect("fresh comes first");
        Box::pin(async move {
            open.server.kill();
            open.server.start_again().await;
            until_well(&broker).await;
            broker
        })
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        let open = self.open();
        Box::pin(async {
            open.proxy.cut().await;
            true
        })
    }

    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        let open = self.open();
        Box::pin(async {
            let messages_max = MESSAGES_MAX.to_string();
            let broker = open.connect("bounded", &[("stream_messages_max", &messages_max)]).await;
            Some(Bounded { broker, messages_max: MESSAGES_MAX })
        })
    }

    fn patience(&self) -> Patience {
        Patience { arrival: ARRIVAL, silence: Duration::from_millis(700), pause: Duration::from_millis(400) }
    }
}
