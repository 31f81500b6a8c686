//! A hand-written pair: an HTTP server that asks over NATS, and a worker that answers by a service beside it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use async_nats::{Client, Message, Subject};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Request, Response};
use tokio::sync::Semaphore;

use super::{connect, listen};
use crate::cli::Place;
use crate::floor::complain;
use crate::floor::pool::Pool;

/// Connections to the service, and with them calls under way.
const CONNECTIONS: usize = 64;

/// The asking side.
pub(crate) async fn ask(place: Place) -> Result<Infallible> {
    let client = connect(&place.url).await?;
    let subject = Subject::from(place.destination);
    crate::floor::serve(move |request| forward(client.clone(), subject.clone(), request)).await
}

async fn forward(
    client: Client,
    subject: Subject,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    let reply = client.request(subject, body).await?;
    Ok(Response::new(Full::new(reply.payload)))
}

/// The answering side.
pub(crate) async fn answer(place: Place, service: SocketAddr) -> Result<Infallible> {
    let (client, mut requests) = listen(place).await?;
    let (pool, free) = (Arc::new(Pool::to(service)), Arc::new(Semaphore::new(CONNECTIONS)));
    while let Some(request) = requests.next().await {
        let permit = Arc::clone(&free).acquire_owned().await?;
        let (client, pool) = (client.clone(), Arc::clone(&pool));
        tokio::spawn(async move {
            complain(work(client, pool, request).await);
            drop(permit);
        });
    }
    bail!("the connection to NATS ended")
}

async fn work(client: Client, pool: Arc<Pool<Full<Bytes>>>, message: Message) -> Result<()> {
    let request = Request::post("/").header(HOST, "service").body(Full::new(message.payload))?;
    let mut connection = pool.take().await?;
    let response = connection.send_request(request).await.context("the service did not answer")?;
    let body = response.into_body().collect().await?.to_bytes();
    pool.give_back(connection);
    let reply = message.reply.context("a request does not say where to answer")?;
    Ok(client.publish(reply, body).await?)
}
