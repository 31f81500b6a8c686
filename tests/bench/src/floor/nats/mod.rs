//! What can be had of NATS by its client library and a few lines. No deadline beyond the library's own, no header,
//! no status, no retry, nothing that says what went wrong: what a careful program adds is missing on purpose.

pub(crate) mod accept;
pub(crate) mod alone;
pub(crate) mod pair;

use anyhow::{Context, Result};
use async_nats::{Client, Subscriber};

use crate::cli::Place;

async fn connect(url: &str) -> Result<Client> {
    async_nats::connect(url).await.context("the floor cannot connect to NATS")
}

/// Each request goes to one of those that listen.
async fn listen(place: Place) -> Result<(Client, Subscriber)> {
    let client = connect(&place.url).await?;
    let requests = client.queue_subscribe(place.destination, "floor".to_owned()).await?;
    Ok((client, requests))
}
