//! AsyncAPI 3.0 of the messages: what this gateway sends and receives, where, and how it is answered.

mod channels;
mod messages;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use sidegate_config::Settings;
use sidegate_config::settings::{BrokerUrl, Consumer, ReplyMode, Route, Source, Target};

use super::labels::{Labels, label};
use channels::Channels;

/// The channel of every answer: its address is what the asker named.
const REPLIES: &str = "replies";
/// The message in it.
const REPLY: &str = "reply";
/// Where a message says where to answer.
const REPLY_TO: &str = "$message.header#/reply-to";

/// The whole document.
#[must_use]
pub fn document(settings: &Settings) -> Value {
    let mut labels = Labels::without(&[REPLY]);
    let mut channels = Channels::default();
    let mut operations = Map::new();
    for route in &settings.routes {
        if let Some(operation) = of_route(route, &mut labels, &mut channels) {
            operations.insert(operation.label, operation.document);
        }
    }
    for consumer in &settings.consumers {
        let operation = of_consumer(consumer, &mut labels, &mut channels);
        operations.insert(operation.label, operation.document);
    }
    let (channels, messages) = channels.into_parts();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": settings.gateway.name,
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("What the gateway beside `{}` sends and receives", settings.gateway.name),
        },
        "defaultContentType": "application/json",
        "servers": servers(settings),
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

struct Operation {
    label: String,
    document: Value,
}

fn servers(settings: &Settings) -> Value {
    let server = |url: &BrokerUrl| {
        let (protocol, secured, remote) = match url {
            BrokerUrl::Embedded => {
                return json!({
                    "host": settings.gateway.name,
                    "protocol": "embedded",
                    "description": "Inside the gateway's process, durable in its store",
                });
            }
            BrokerUrl::Nats(remote) => ("nats", "nats", remote),
            BrokerUrl::RabbitMq(remote) => ("amqp", "amqps", remote),
            BrokerUrl::Kafka(remote) => ("kafka", "kafka-secure", remote),
            BrokerUrl::Redis(remote) => ("redis", "redis", remote),
        };
        let protocol = if remote.is_tls() { secured } else { protocol };
        json!({ "host": remote.hosts(), "protocol": protocol })
    };
    settings.brokers.iter().map(|(name, broker)| (label(name), server(&broker.url))).collect()
}

fn of_route(route: &Route, labels: &mut Labels, channels: &mut Channels) -> Option<Operation> {
    let (broker, destination, is_command) = match &route.target {
        Target::Send { broker, destination } => (broker, destination, true),
        Target::Publish { broker, destination } => (broker, destination, false),
        Target::Call { .. } => return None,
    };
    let label = labels.unique(&route.name);
    let channel = channels.channel(broker, &channels::Address::of_template(destination));
    let message = channels.add_message(&channel, &label, messages::of_route(route));
    let mut document = json!({
        "action": "send",
        "title": route.name,
        "summary": format!("For each `{} {}`", route.method, route.path),
        "channel": channels::reference(&channel),
        "messages": [message],
    });
    if is_command && route.reply != ReplyMode::None {
        document["reply"] = reply(channels);
    }
    Some(Operation { label, document })
}

fn of_consumer(consumer: &Consumer, labels: &mut Labels, channels: &mut Channels) -> Operation {
    let label = labels.unique(&format!("receive-{}", consumer.name));
    let address = channels::Address::literal(consumer.source.destination());
    let channel = channels.channel(&consumer.broker, &address);
    let message = channels.message_of(&channel, || (label.clone(), messages::of_consumer(consumer)));
    let mut document = json!({
        "action": "receive",
        "title": consumer.name,
        "summary": format!(
            "For each message `{} {}{}`",
            consumer.call.method.source(),
            consumer.call.authority,
            consumer.call.path.source()
        ),
        "channel": channels::reference(&channel),
        "messages": message,
    });
    if matches!(consumer.source, Source::Receive(_)) {
        document["reply"] = reply(channels);
    }
    Operation { label, document }
}

fn reply(channels: &mut Channels) -> Value {
    channels.add_replies();
    json!({
        "address": { "location": REPLY_TO, "description": "Where the asker wants its answer" },
        "channel": channels::reference(REPLIES),
    })
}
