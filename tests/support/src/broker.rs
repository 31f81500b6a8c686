//! A real broker as black-box tests use it: of any kind, with one hand on its switches.

use std::net::SocketAddr;

use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{
    Kafka, KafkaOptions, Missing, Nats, NatsOptions, Port, Rabbit, RabbitOptions, Server,
};

/// Which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerKind {
    /// NATS with JetStream.
    Nats,
    /// RabbitMQ.
    RabbitMq,
    /// Apache Kafka.
    Kafka,
}

impl BrokerKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nats, Self::RabbitMq, Self::Kafka];

    /// Its name in `SIDEGATE_TEST_BROKER`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::RabbitMq => "rabbitmq",
            Self::Kafka => "kafka",
        }
    }

    fn url(self, address: SocketAddr) -> String {
        let scheme = match self {
            Self::Nats => "nats",
            Self::RabbitMq => "amqp",
            Self::Kafka => "kafka",
        };
        format!("{scheme}://{address}")
    }

    /// The URL of the one server of this process that tests share.
    ///
    /// # Panics
    /// When it is not on this machine: whoever names a broker to test wants no skip.
    pub(crate) async fn shared_url(self) -> String {
        let address = match self {
            Self::Nats => Nats::shared().await.map(|server| server.address()),
            Self::RabbitMq => Rabbit::shared().await.map(|server| server.address()),
            Self::Kafka => Kafka::shared().await.map(|server| server.address()),
        };
        self.url(address.unwrap_or_else(|missing| panic!("{missing}")))
    }
}

/// A server of its own; ends with this value.
pub struct Broker {
    kind: BrokerKind,
    server: Box<dyn std::ops::Deref<Target = Server> + Send + Sync>,
    address: SocketAddr,
}

impl Broker {
    /// Starts one.
    ///
    /// # Errors
    /// It is not on this machine.
    pub async fn start(kind: BrokerKind) -> Result<Self, Missing> {
        Self::of(kind, KafkaOptions::default(), NatsOptions::default()).await
    }

    /// Starts one with a proxy before it; the URL leads to the proxy.
    ///
    /// # Errors
    /// It is not on this machine.
    pub async fn start_behind_a_proxy(kind: BrokerKind) -> Result<(Self, Proxy), Missing> {
        if kind == BrokerKind::Kafka {
            // It tells its clients where to go, and must name the proxy.
            let port = Port::free();
            let proxy = Proxy::to(port.address()).await;
            let options = KafkaOptions {
                port: Some(port),
                advertised: Some(proxy.address()),
                ..KafkaOptions::default()
            };
            let broker = Self::of(kind, options, NatsOptions::default()).await?;
            return Ok((Self { address: proxy.address(), ..broker }, proxy));
        }
        let broker = Self::start(kind).await?;
        let proxy = Proxy::to(broker.address).await;
        Ok((Self { address: proxy.address(), ..broker }, proxy))
    }

    async fn of(kind: BrokerKind, kafka: KafkaOptions, nats: NatsOptions) -> Result<Self, Missing> {
        let server: Box<dyn std::ops::Deref<Target = Server> + Send + Sync> = match kind {
            BrokerKind::Nats => Box::new(Nats::start(nats).await?),
            BrokerKind::RabbitMq => Box::new(Rabbit::start(RabbitOptions::default()).await?),
            BrokerKind::Kafka => Box::new(Kafka::start(kafka).await?),
        };
        let address = server.address();
        Ok(Self { kind, server, address })
    }

    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> BrokerKind {
        self.kind
    }

    /// What a gateway's config says: `nats://127.0.0.1:4222`.
    #[must_use]
    pub fn url(&self) -> String {
        self.kind.url(self.address)
    }

    /// What the broker's own clients want: Kafka's a list of servers, the others the URL.
    #[must_use]
    pub fn client_url(&self) -> String {
        match self.kind {
            BrokerKind::Kafka => self.address.to_string(),
            BrokerKind::Nats | BrokerKind::RabbitMq => self.url(),
        }
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts it again on its data.
    pub async fn start_again(&self) {
        self.server.start_again().await;
    }

    /// SIGTERM, and starts it again.
    pub async fn restart(&self) {
        self.server.restart().await;
    }

    /// SIGSTOP: connections stay open and nobody answers.
    pub fn pause(&self) {
        self.server.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.server.resume();
    }
}
