//! What the paths refer to: the operation, the problem, common headers and parameters.

use serde_json::{Map, Value, json};
use sidegate_core::operation::Status;

use super::reference;
use crate::respond::Code;

/// Every component, with the schemas of the routes' bodies.
pub(super) fn all(mut bodies: Map<String, Value>) -> Value {
    bodies.insert("Operation".to_owned(), operation());
    bodies.insert("Problem".to_owned(), problem());
    json!({
        "schemas": bodies,
        "parameters": parameters(),
        "headers": headers(),
        "responses": { "Accepted": accepted(), "Ended": ended() },
    })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn time_or_null(description: &str) -> Value {
    json!({ "type": ["string", "null"], "format": "date-time", "description": description })
}

fn operation() -> Value {
    let statuses: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
    json!({
        "type": "object",
        "required": [
            "id", "route", "status", "correlation_id", "created_at", "updated_at", "deadline", "expires_at",
            "attempts", "outcome", "links",
        ],
        "properties": {
            "id": { "type": "string", "description": "Opaque and URL-safe; whoever knows it can ask" },
            "route": { "type": "string" },
            "status": { "type": "string", "enum": statuses },
            "correlation_id": { "type": "string", "description": "The business's own name of the operation" },
            "created_at": time("When it was accepted"),
            "updated_at": time("When it last changed"),
            "deadline": time("When it ends as `timed_out` if nothing else ended it"),
            "expires_at": time_or_null("When it is forgotten; null until the end"),
            "attempts": { "type": "integer", "minimum": 0, "description": "Calls to a service that have begun" },
            "outcome": {
                "type": ["object", "null"],
                "description": "What is known of the recorded answer; null until there is one",
                "required": ["status", "content_type", "bytes"],
                "properties": {
                    "status": { "type": "integer" },
                    "content_type": { "type": ["string", "null"] },
                    "bytes": { "type": "integer", "minimum": 0 },
                },
            },
            "redrive_of": { "type": "string", "description": "The ended operation of which this is another go" },
            "links": {
                "type": "object",
                "description": "Absolute paths",
                "required": ["self", "result", "events"],
                "properties": {
                    "self": { "type": "string" }, "result": { "type": "string" }, "events": { "type": "string" },
                },
            },
        },
    })
}

fn problem() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "RFC 9457. `code` is stable; `retry` says whether asking again is safe",
        "required": ["type", "title", "status", "detail", "code", "retry"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "enum": codes },
            "retry": { "type": "string", "enum": ["after_change", "later", "with_key", "no"] },
            "operation_id": { "type": "string" },
        },
    })
}

fn header_parameter(name: &str, required: bool, description: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": required, "description": description,
        "schema": { "type": "string", "maxLength": 255 },
    })
}

fn parameters() -> Value {
    let key =
        "The same key with the same request is the same operation; draft-ietf-httpapi-idempotency-key-header";
    let prefer = "RFC 7240: `respond-async` for 202 at once, `wait=N` to be held for up to N seconds";
    json!({
        "OperationId": {
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
            "description": "From `Operation-Id` or `Location` of the 202",
        },
        "Prefer": header_parameter("Prefer", false, prefer),
        "IdempotencyKey": header_parameter("Idempotency-Key", false, key),
        "IdempotencyKeyRequired": header_parameter("Idempotency-Key", true, key),
        "CorrelationId": header_parameter("Correlation-Id", false, "The business's own name of the operation"),
        "IfNoneMatch": header_parameter("If-None-Match", false, "The `ETag` that the client knows"),
    })
}

fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "Location": text("Where to ask about the operation"),
        "OperationId": text("The operation"),
        "CorrelationId": text("The business's own name of the operation"),
        "ETag": text("Changes with each change of the operation"),
        "PreferenceApplied": text("The preferences that were followed"),
        "RetryAfter": {
            "description": "Seconds until it is worth asking again; while it runs",
            "schema": { "type": "integer" },
        },
    })
}

fn about_an_operation(description: &str) -> Value {
    json!({
        "description": description,
        "headers": {
            "Location": reference("headers", "Location"),
            "Operation-Id": reference("headers", "OperationId"),
            "Correlation-Id": reference("headers", "CorrelationId"),
            "Preference-Applied": reference("headers", "PreferenceApplied"),
            "Retry-After": reference("headers", "RetryAfter"),
        },
        "content": { "application/json": { "schema": reference("schemas", "Operation") } },
    })
}

fn accepted() -> Value {
    about_an_operation("Stored; the outcome is learned at `Location`")
}

fn ended() -> Value {
    about_an_operation("A repeat with the same Idempotency-Key, after the operation ended")
}
