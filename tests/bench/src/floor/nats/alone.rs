//! The client library alone: the same request and reply between two processes, without HTTP on either side.

use std::convert::Infallible;

use anyhow::{Context, Result, bail};
use async_nats::{Client, Subject};
use bytes::Bytes;
use futures_util::StreamExt;

use super::{connect, listen};
use crate::cli::{AskPlan, Place};
use crate::floor::{callers, patiently};
use crate::load::request::json_of;
use crate::measure::sample::Sample;

/// Asks as often as it can and tells its own sample.
pub(crate) async fn ask(plan: AskPlan) -> Result<Sample> {
    let client = connect(&plan.place.url).await?;
    let subject = Subject::from(plan.place.destination.as_str());
    let body = Bytes::from(json_of(plan.bytes));
    let request = move || request(client.clone(), subject.clone(), body.clone());
    patiently(&request).await?;
    callers::sample_with_partner(&plan, request).await
}

async fn request(client: Client, subject: Subject, body: Bytes) -> Result<()> {
    client.request(subject, body).await.map(drop).context("a request was not answered")
}

/// Answers each request with its own body.
pub(crate) async fn answer(place: Place) -> Result<Infallible> {
    let (client, mut requests) = listen(place).await?;
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            client.publish(reply, request.payload).await?;
        }
    }
    bail!("the connection to NATS ended")
}
