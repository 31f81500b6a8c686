//! Accepts what RabbitMQ has confirmed: one channel that all requests share, a quorum queue, persistent messages.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};

use super::accepted;
use crate::cli::Place;

/// AMQP's number for a message that is written to disk.
const PERSISTENT: u8 = 2;

/// A channel ends with its connection.
struct Link {
    channel: Channel,
    _connection: Connection,
}

pub(crate) async fn serve(place: Place) -> Result<Infallible> {
    let link = Arc::new(connect(&place).await.context("the floor cannot connect to RabbitMQ")?);
    accepted::serve_after(move |body| publish(Arc::clone(&link), place.destination.clone(), body)).await
}

async fn connect(place: &Place) -> Result<Link> {
    let connection = Connection::connect(&place.url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let name = place.destination.as_str().into();
    channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
    Ok(Link { channel, _connection: connection })
}

async fn publish(link: Arc<Link>, queue: String, body: Bytes) -> Result<()> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let sent = link.channel.basic_publish("".into(), queue.into(), options, &body, properties).await?;
    let confirmation = sent.await?;
    ensure!(confirmation == Confirmation::Ack(None), "RabbitMQ did not take it: {confirmation:?}");
    Ok(())
}
