//! A route and a consumer in short: where each leads. For the command line and the admin plane.

use std::time::Duration;

use serde_json::{Value, json};
use sidegate_config::settings::{Call, Consumer, ReplyMode, Route, Source, Target};

/// A route in short.
#[must_use]
pub fn route(route: &Route) -> Value {
    let (kind, broker, to) = match &route.target {
        Target::Send { broker, destination } => ("send", Some(broker), destination.source().to_owned()),
        Target::Publish { broker, destination } => ("publish", Some(broker), destination.source().to_owned()),
        Target::Call { call, .. } => ("call", None, self::call(call)),
    };
    json!({
        "name": route.name,
        "method": route.method,
        "path": route.path,
        "kind": kind,
        "to": to,
        "broker": broker,
        "reply": reply(route.reply),
        "hold_ms": route.hold.map(ms),
        "timeout_ms": ms(route.timeout),
        "durable": route.durable,
    })
}

/// A consumer in short.
#[must_use]
pub fn consumer(consumer: &Consumer) -> Value {
    let kind = match consumer.source {
        Source::Receive(_) => "receive",
        Source::Subscribe(_) => "subscribe",
    };
    json!({
        "name": consumer.name,
        "kind": kind,
        "from": consumer.source.destination(),
        "broker": consumer.broker,
        "to": call(&consumer.call),
        "concurrency": consumer.concurrency,
        "attempts": consumer.retry.attempts,
        "timeout_ms": ms(consumer.timeout),
    })
}

/// `"POST http://127.0.0.1:3000/orders"`, as the config writes it.
fn call(call: &Call) -> String {
    let scheme = if call.authority.unix { "http+" } else { "http://" };
    let separator = if call.authority.unix { ":" } else { "" };
    format!("{} {scheme}{}{separator}{}", call.method.source(), call.authority, call.path.source())
}

const fn reply(reply: ReplyMode) -> &'static str {
    match reply {
        ReplyMode::Wait => "wait",
        ReplyMode::Poll => "poll",
        ReplyMode::None => "none",
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
