//! Accepts what Kafka has confirmed: `acks=all`, idempotent.

use std::convert::Infallible;

use anyhow::{Context, Result};
use bytes::Bytes;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::{QUEUE_TIMEOUT, create, producer};
use crate::cli::Place;
use crate::floor::accepted;

/// As many as Sidegate makes.
const PARTITIONS: i32 = 6;
/// The library's own 5 ms would hold back a closed loop for nothing.
const LINGER_MS: &str = "1";

pub(crate) async fn serve(place: Place) -> Result<Infallible> {
    create(&place.url, &place.destination, PARTITIONS).await?;
    let producer = producer(&place.url, LINGER_MS)?;
    accepted::serve_after(move |body| publish(producer.clone(), place.destination.clone(), body)).await
}

async fn publish(producer: FutureProducer, topic: String, body: Bytes) -> Result<()> {
    let record = FutureRecord::<(), [u8]>::to(&topic).payload(&body);
    let sent = producer.send(record, QUEUE_TIMEOUT).await;
    sent.map(drop).map_err(|(error, _)| error).context("Kafka did not confirm")
}
