//! Accepts what JetStream has acknowledged.

use std::convert::Infallible;

use anyhow::{Context, Result};
use async_nats::jetstream::{self, stream};
use bytes::Bytes;

use super::connect;
use crate::cli::Place;
use crate::floor::accepted;

pub(crate) async fn serve(place: Place) -> Result<Infallible> {
    let context = jetstream::new(connect(&place.url).await?);
    let stream = stream::Config {
        name: place.destination.replace('.', "-"),
        subjects: vec![place.destination.clone()],
        retention: stream::RetentionPolicy::WorkQueue,
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    context.create_stream(stream).await.context("the floor's stream cannot be made")?;
    accepted::serve_after(move |body| publish(context.clone(), place.destination.clone(), body)).await
}

async fn publish(context: jetstream::Context, subject: String, body: Bytes) -> Result<()> {
    context.publish(subject, body).await?.await.map(drop).context("JetStream did not acknowledge")
}
