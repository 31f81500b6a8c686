//! The client library alone: one caller, one request and its reply at a time, between two processes.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{QUEUE_TIMEOUT, config, create, producer};
use crate::cli::{AskPlan, Place};
use crate::floor::callers;
use crate::load::request::json_of;
use crate::measure::sample::Sample;

/// A single caller never has a second message to wait for.
const LINGER_MS: &str = "0";

/// Sends to one topic, reads the other.
struct Line {
    producer: FutureProducer,
    consumer: StreamConsumer,
    to: String,
}

/// Asks as often as it can and tells its own sample.
pub(crate) async fn ask(plan: AskPlan) -> Result<Sample> {
    let (requests, replies) = topics(&plan.place);
    let line = Arc::new(Line::open(&plan.place.url, requests, &replies).await?);
    let (body, number) = (Arc::new(json_of(plan.bytes)), Arc::new(AtomicU64::new(0)));
    let request = move || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        exchange(Arc::clone(&line), number, Arc::clone(&body))
    };
    // The first waits until both sides have found their partitions.
    request().await?;
    callers::sample_with_partner(&plan, request).await
}

async fn exchange(line: Arc<Line>, number: u64, body: Arc<String>) -> Result<()> {
    let key = number.to_be_bytes();
    // The reply does not wait for the request's confirm.
    tokio::try_join!(line.send(&key, body.as_bytes()), line.receive(&key)).map(drop)
}

/// Answers each request with its own key and body.
pub(crate) async fn answer(place: Place) -> Result<Infallible> {
    let (requests, replies) = topics(&place);
    let line = Line::open(&place.url, replies, &requests).await?;
    loop {
        let request = line.consumer.recv().await?;
        line.send(request.key().unwrap_or_default(), request.payload().unwrap_or_default()).await?;
    }
}

fn topics(place: &Place) -> (String, String) {
    let destination = &place.destination;
    (format!("{destination}.requests"), format!("{destination}.replies"))
}

impl Line {
    async fn open(url: &str, to: String, from: &str) -> Result<Self> {
        create(url, &to, 1).await?;
        create(url, from, 1).await?;
        // Its position is nobody's business, but the library insists on a group.
        let consumer: StreamConsumer = config(url)
            .set("group.id", "floor")
            .set("enable.auto.commit", "false")
            .create()
            .context("the floor has no consumer")?;
        let mut partition = TopicPartitionList::new();
        partition.add_partition_offset(from, 0, Offset::Beginning)?;
        consumer.assign(&partition)?;
        Ok(Self { producer: producer(url, LINGER_MS)?, consumer, to })
    }

    async fn receive(&self, key: &[u8]) -> Result<()> {
        while self.consumer.recv().await?.key() != Some(key) {}
        Ok(())
    }

    async fn send(&self, key: &[u8], body: &[u8]) -> Result<()> {
        let record = FutureRecord::to(&self.to).key(key).payload(body);
        let sent = self.producer.send(record, QUEUE_TIMEOUT).await;
        sent.map(drop).map_err(|(error, _)| error).context("Kafka did not confirm")
    }
}
