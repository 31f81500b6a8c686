//! Real brokers, each started for one section and gone after it.

use std::fmt;

use anyhow::{Context, Result, ensure};
use async_nats::jetstream;
use lapin::ConnectionProperties;
use lapin::options::QueueDeleteOptions;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use sidegate_test_brokers::{Kafka, KafkaOptions, Nats, NatsOptions, Rabbit, RabbitOptions};

pub(crate) use sidegate_test_brokers::Missing;

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    RabbitMq,
    Kafka,
}

/// A running broker.
#[derive(Debug)]
pub(crate) enum Broker {
    Nats(Nats),
    RabbitMq(Rabbit),
    Kafka(Kafka),
}

impl Broker {
    /// Starts one as the tests know it: one server, without TLS, its data in the system's temporary folder.
    ///
    /// # Errors
    /// [`Missing`]: it is not installed.
    pub(crate) async fn start(kind: Kind) -> Result<Self> {
        let started = match kind {
            Kind::Nats => Nats::start(NatsOptions::default()).await.map(Self::Nats),
            Kind::RabbitMq => Rabbit::start(RabbitOptions::default()).await.map(Self::RabbitMq),
            Kind::Kafka => Kafka::start(KafkaOptions::default()).await.map(Self::Kafka),
        };
        Ok(started?)
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Nats(server) => server.url(),
            Self::RabbitMq(server) => server.url(),
            Self::Kafka(server) => server.url(),
        }
    }

    /// Throws away what waits at a destination, so that the next measurement finds the broker as this one did.
    ///
    /// # Errors
    /// There is no such destination.
    pub(crate) async fn forget(&self, destination: &str) -> Result<()> {
        let forgotten = match self {
            Self::Nats(_) => forget_stream(self.url(), destination).await,
            Self::RabbitMq(_) => forget_queue(self.url(), destination).await,
            Self::Kafka(_) => forget_topic(self.url(), destination).await,
        };
        forgotten.with_context(|| format!("{destination} cannot be deleted"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nats => "NATS JetStream",
            Self::RabbitMq => "RabbitMQ",
            Self::Kafka => "Kafka",
        })
    }
}

async fn forget_stream(url: &str, subject: &str) -> Result<()> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = context.stream_by_subject(subject).await?;
    ensure!(context.delete_stream(stream).await?.success, "NATS does not want to");
    Ok(())
}

async fn forget_queue(url: &str, queue: &str) -> Result<()> {
    let connection = lapin::Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
    Ok(())
}

async fn forget_topic(url: &str, topic: &str) -> Result<()> {
    let servers = url.strip_prefix("kafka://").unwrap_or(url);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", servers).create()?;
    for deleted in admin.delete_topics(&[topic], &AdminOptions::new()).await? {
        deleted.map_err(|(_, code)| code)?;
    }
    Ok(())
}
