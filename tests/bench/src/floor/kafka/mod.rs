//! What can be had of Kafka by its client library and a few lines.

pub(crate) mod accept;
pub(crate) mod alone;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::FutureProducer;
use rdkafka::types::RDKafkaErrorCode;

/// How long a message may wait for room in the producer's queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// What every client begins with.
fn config(url: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", url.strip_prefix("kafka://").unwrap_or(url));
    config
}

/// Everything that it says it has sent is on every replica, once.
fn producer(url: &str, linger_ms: &str) -> Result<FutureProducer> {
    config(url)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", linger_ms)
        .create()
        .context("the floor has no producer")
}

/// Makes a topic; one that is there is fine.
async fn create(url: &str, topic: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(url).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for created in admin.create_topics([&new], &AdminOptions::new()).await? {
        match created {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => bail!("the topic {topic} cannot be made: {code}"),
        }
    }
    Ok(())
}
