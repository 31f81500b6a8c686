//! The config in force, in the shape of the TOML: what `/config` shows. Every default is in it, no secret is.

use compact_str::CompactString;
use serde_json::{Map, Value, json};
use sidegate_core::RetrySchedule;

use crate::read::{Duration, Size};
use crate::secret::is_secret_name;
use crate::settings::{
    Authority, Broker, Call, Consumer, Exhausted, Gateway, IdempotencyMode, Limits, ReplyMode, Route,
    Settings, Source, Store, StoreUrl, Target,
};

const HIDDEN: &str = "[hidden]";

/// What `settings` say.
pub(crate) fn effective(settings: &Settings) -> Value {
    let brokers: Map<_, _> =
        settings.brokers.values().map(|one| (one.name.to_string(), broker(one))).collect();
    json!({
        "gateway": gateway(&settings.gateway),
        "store": store(&settings.store),
        "broker": brokers,
        "route": settings.routes.iter().map(|one| route(one)).collect::<Vec<_>>(),
        "consumer": settings.consumers.iter().map(|one| consumer(one)).collect::<Vec<_>>(),
    })
}

fn gateway(gateway: &Gateway) -> Value {
    let tokens: Map<_, _> =
        gateway.admin_tokens.keys().map(|name| (name.to_string(), HIDDEN.into())).collect();
    json!({
        "name": gateway.name,
        "listen": gateway.listen.to_string(),
        "admin": gateway.admin.to_string(),
        "drain": time(gateway.drain),
        "lease": time(gateway.lease),
        "admin_tokens": tokens,
        "limits": limits(&gateway.limits),
    })
}

fn limits(limits: &Limits) -> Value {
    json!({
        "body": size(limits.body_bytes_max),
        "head": size(limits.head_bytes_max),
        "headers": limits.headers_max,
        "connections": limits.connections_max,
        "held": limits.held_max,
        "streams": limits.streams_max,
        "first_byte": time(limits.first_byte_timeout),
        "header": time(limits.header_timeout),
        "body_idle": time(limits.body_idle_timeout),
        "body_total": time(limits.body_total_timeout),
        "idle": time(limits.idle_timeout),
        "calls": limits.calls_max,
        "wait": time(limits.wait_max),
    })
}

fn store(store: &Store) -> Value {
    let url = match &store.url {
        StoreUrl::Memory => "memory:".to_owned(),
        StoreUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
    };
    json!({ "url": url, "pending": store.pending_max })
}

fn broker(broker: &Broker) -> Value {
    let option = |(name, value): (&String, &String)| {
        let value = if is_secret_name(name) { HIDDEN } else { value };
        (name.clone(), value.into())
    };
    let name = |(ours, wire): (&CompactString, &CompactString)| (key_of(ours), wire.as_str().into());
    let mut shown = json!({
        "url": broker.url.to_string(),
        "create": broker.create,
        "client": broker.client.iter().map(option).collect::<Map<_, _>>(),
    });
    let names: Map<_, _> = broker.names.iter().map(name).collect();
    put(&mut shown, "names", (!names.is_empty()).then(|| names.into()));
    shown
}

/// The key in `names` that stands for a header.
fn key_of(header: &str) -> String {
    header.strip_prefix("sidegate-").unwrap_or(header).replace('-', "_")
}

fn route(route: &Route) -> Value {
    let mut shown = json!({
        "name": route.name,
        "http": format!("{} {}", route.method, route.path),
        "reply": match route.reply {
            ReplyMode::Wait => "wait",
            ReplyMode::Poll => "poll",
            ReplyMode::None => "none",
        },
        "timeout": time(route.timeout),
        "durable": route.durable,
    });
    aim(route, &mut shown);
    let mut put = |key: &str, value: Option<Value>| put(&mut shown, key, value);
    put("hold", route.hold.map(time));
    put("key", route.key.as_ref().map(|key| key.source().into()));
    put("correlation", route.correlation.as_ref().map(|correlation| correlation.source().into()));
    put("body", route.body_bytes_max.map(size));
    put("schema", route.schema.as_ref().map(|schema| schema.file.display().to_string().into()));
    if route.durable {
        put("idempotency", Some(idempotency(route.idempotency)));
        put("retention", Some(time(route.retention)));
    }
    shown
}

fn aim(route: &Route, shown: &mut Value) {
    let mut put = |key: &str, value: Value| put(shown, key, Some(value));
    match &route.target {
        Target::Send { broker, destination } => {
            put("send", destination.source().into());
            put("broker", broker.as_str().into());
            put("headers", json!(route.headers));
        }
        Target::Publish { broker, destination } => {
            put("publish", destination.source().into());
            put("broker", broker.as_str().into());
            put("headers", json!(route.headers));
        }
        Target::Call { call: one, retry: schedule, fail_on, call_timeout } => {
            put("call", call(one));
            if route.durable {
                put("retry", retry(schedule));
                put("fail_on", json!(fail_on));
                put("call_timeout", time(*call_timeout));
            }
        }
    }
}

fn idempotency(mode: IdempotencyMode) -> Value {
    match mode {
        IdempotencyMode::Optional => "optional".into(),
        IdempotencyMode::Required => "required".into(),
        IdempotencyMode::Off => "off".into(),
    }
}

fn consumer(consumer: &Consumer) -> Value {
    let mut shown = json!({
        "name": consumer.name,
        "broker": consumer.broker,
        "call": call(&consumer.call),
        "concurrency": consumer.concurrency,
        "timeout": time(consumer.timeout),
        "retry": retry(&consumer.retry),
        "fail_on": consumer.fail_on,
        "exhausted": match consumer.exhausted {
            Exhausted::Fail => "fail",
            Exhausted::Park => "park",
        },
        "inbox": consumer.inbox.map_or_else(|| "off".into(), time),
    });
    let (key, destination) = match &consumer.source {
        Source::Receive(destination) => ("receive", destination),
        Source::Subscribe(destination) => ("subscribe", destination),
    };
    put(&mut shown, key, Some(destination.as_str().into()));
    let health = consumer.health.as_ref().map(
        |health| json!({ "call": call(&health.call), "every": time(health.every), "failures": health.failures }),
    );
    put(&mut shown, "health", health);
    let breaker = consumer
        .breaker
        .as_ref()
        .map(|breaker| json!({ "failures": breaker.failures, "pause": time(breaker.pause) }));
    put(&mut shown, "breaker", breaker);
    shown
}

fn call(call: &Call) -> Value {
    let Call { method, authority, path } = call;
    let place = match authority {
        Authority { unix: true, host, .. } => format!("http+unix:{host}:"),
        tcp => format!("http://{tcp}"),
    };
    format!("{} {place}{}", method.source(), path.source()).into()
}

fn retry(schedule: &RetrySchedule) -> Value {
    json!({
        "attempts": schedule.attempts,
        "first": Duration::from_ms(schedule.first_ms).to_string(),
        "factor": schedule.factor,
        "max": Duration::from_ms(schedule.max_ms).to_string(),
        "jitter": schedule.jitter,
    })
}

fn put(shown: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        shown[key] = value;
    }
}

fn time(time: std::time::Duration) -> Value {
    Duration(time).to_string().into()
}

fn size(bytes: usize) -> Value {
    Size(bytes).to_string().into()
}
