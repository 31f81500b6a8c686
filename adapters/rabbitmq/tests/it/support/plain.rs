//! A program that knows AMQP and no Sidegate.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};

use super::within;

pub(crate) struct Plain {
    connection: Connection,
    pub(crate) channel: Channel,
}

impl Plain {
    pub(crate) async fn at(address: SocketAddr) -> Self {
        let url = format!("amqp://guest:guest@{address}");
        let connection =
            Connection::connect(&url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { connection, channel }
    }

    /// A queue of one's own, as askers have it; its name.
    pub(crate) async fn own_queue(&self) -> ShortString {
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare("".into(), options, FieldTable::default()).await;
        queue.expect("a queue").name().clone()
    }

    /// A durable queue with these arguments.
    pub(crate) async fn declare(&self, name: &str, arguments: &[(&'static str, &str)]) {
        let mut table = FieldTable::default();
        for (argument, value) in arguments {
            let number = value.parse().ok().map(AMQPValue::LongLongInt);
            table
                .insert((*argument).into(), number.unwrap_or_else(|| AMQPValue::LongString((*value).into())));
        }
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.into(), options, table).await.expect("a queue");
    }

    pub(crate) async fn delete(&self, queue: &str) {
        self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("deleted");
    }

    pub(crate) async fn publish(&self, queue: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish("".into(), queue.into(), options, body, properties).await;
        let confirmed = within("a confirm", sent.expect("sent")).await.expect("confirmed");
        assert!(confirmed.take_message().is_none(), "queue {queue} takes the message");
    }

    pub(crate) async fn consume(&self, queue: &str) -> Consumer {
        let options = BasicConsumeOptions::default();
        self.channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .expect("a consumer")
    }

    /// Looks until the queue is there and has a consumer.
    pub(crate) async fn is_consumed(&self, queue: &str) {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looking = async {
            loop {
                // A question about a queue that is not there ends its channel.
                let channel = self.connection.create_channel().await.expect("a channel");
                let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
                if found.is_ok_and(|queue| queue.consumer_count() > 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        within("a consumer", looking).await;
    }

    /// The next message of a queue, taken off it; `None` when it is empty.
    pub(crate) async fn get(&self, queue: &str) -> Option<Delivery> {
        let got =
            self.channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("an answer")?;
        got.delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
        Some(got.delivery)
    }
}

pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    let delivery =
        within("a delivery", consumer.next()).await.expect("an open consumer").expect("a delivery");
    delivery.ack(BasicAckOptions::default()).await.expect("acknowledged");
    delivery
}

pub(crate) fn text(property: &Option<ShortString>) -> Option<&str> {
    property.as_ref().map(ShortString::as_str)
}
