//! The messages themselves: headers that Sidegate writes and reads, and the body as the route's schema has it.

use serde_json::{Map, Value, json};
use sidegate_config::settings::{Consumer, Route, Schema, Target};

use crate::names::message as headers;

const DRAFT_07: &str = "application/schema+json;version=draft-07";
const DRAFT_2020_12: &str = "application/schema+json;version=draft-2020-12";

/// What a route sends or publishes.
pub(super) fn of_route(route: &Route) -> Value {
    let mut message = asked(&route.name, matches!(route.target, Target::Send { .. }));
    message["summary"] = format!("The body of `{} {}`, byte for byte", route.method, route.path).into();
    if let Some(schema) = &route.schema {
        message["contentType"] = "application/json".into();
        message["payload"] = payload(schema);
    }
    message
}

/// What a consumer takes, where no route here says what it is.
pub(super) fn of_consumer(consumer: &Consumer) -> Value {
    let is_command = matches!(consumer.source, sidegate_config::settings::Source::Receive(_));
    asked(&consumer.name, is_command)
}

/// The answer to a command.
pub(super) fn reply() -> Value {
    json!({
        "name": "reply",
        "summary": "The service's answer; from status 400 the operation failed",
        "correlationId": {
            "location": "$message.header#/correlation-id",
            "description": "The message id of the command, given back as it came",
        },
        "headers": {
            "type": "object",
            "required": ["correlation-id"],
            "properties": {
                "correlation-id": text("The message id of the command"),
                headers::STATUS: whole_number("HTTP status of the answer; absent means 200"),
            },
        },
    })
}

fn asked(name: &str, is_command: bool) -> Value {
    json!({
        "name": name,
        "title": name,
        "correlationId": { "location": "$message.header#/message-id" },
        "headers": { "type": "object", "required": ["message-id"], "properties": properties(is_command) },
    })
}

/// Properties of the protocol where it has them, headers of these names where it has not.
fn properties(is_command: bool) -> Map<String, Value> {
    let mut properties = vec![
        ("message-id", text("One per message, the same when it is published again")),
        (headers::OPERATION, text("The operation; absent where there is no record")),
        (headers::CORRELATION, text("The business's own name of the operation")),
        (headers::METHOD, text("The method of the request")),
        (headers::PATH, text("The path of the request, with its query")),
        (headers::DEADLINE, whole_number("Unix milliseconds after which nobody waits for the answer")),
        ("traceparent", text("W3C trace context")),
        ("tracestate", text("W3C trace context")),
    ];
    if is_command {
        properties.insert(1, ("reply-to", text("Where to answer")));
    }
    properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn whole_number(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+$", "description": description })
}

fn payload(schema: &Schema) -> Value {
    let dialect = schema.document.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let format = if dialect.contains("draft-07") { DRAFT_07 } else { DRAFT_2020_12 };
    json!({ "schemaFormat": format, "schema": *schema.document })
}
