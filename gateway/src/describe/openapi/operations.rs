//! What can be asked about an accepted request: the same for every gateway.

use serde_json::{Map, Value, json};

use super::{reference, refusal};

/// Adds the endpoints under `/operations/{id}`.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let id = [reference("parameters", "OperationId")];
    let mut add = |path: &str, methods: Value| {
        let mut item = json!({ "parameters": id });
        if let (Value::Object(item), Value::Object(methods)) = (&mut item, methods) {
            item.extend(methods);
        }
        paths.insert(path.to_owned(), item);
    };
    add("/operations/{id}", json!({ "get": show(), "delete": cancel() }));
    add("/operations/{id}/result", json!({ "get": result() }));
    add("/operations/{id}/events", json!({ "get": events() }));
    add("/operations/{id}/outcome", json!({ "put": outcome() }));
}

fn operation(id: &str, summary: &str, responses: &Value) -> Value {
    json!({ "operationId": id, "tags": ["operations"], "summary": summary, "responses": *responses })
}

fn document(description: &str) -> Value {
    json!({
        "description": description,
        "headers": {
            "ETag": reference("headers", "ETag"),
            "Retry-After": reference("headers", "RetryAfter"),
        },
        "content": { "application/json": { "schema": reference("schemas", "Operation") } },
    })
}

fn not_found() -> Value {
    refusal("No such operation, forgotten after its retention, or somebody else's")
}

fn show() -> Value {
    let mut show = operation(
        "getOperation",
        "Where an operation stands; `Prefer: wait=N` answers at its next change",
        &json!({ "200": document("The operation"), "304": { "description": "As the client knows it" }, "404": not_found() }),
    );
    show["parameters"] = json!([reference("parameters", "Prefer"), reference("parameters", "IfNoneMatch")]);
    show
}

fn cancel() -> Value {
    operation(
        "cancelOperation",
        "Cancels an operation; again is the same",
        &json!({
            "200": document("It is cancelled"),
            "404": not_found(),
            "409": refusal("It ended otherwise"),
        }),
    )
}

fn result() -> Value {
    let status = json!({
        "description": "How it ended",
        "schema": { "type": "string", "enum": ["succeeded", "failed", "timed_out", "cancelled"] },
    });
    let mut result = operation(
        "getOperationResult",
        "The service's answer, once there is one; `Prefer: wait=N` waits for it",
        &json!({
            "202": reference("responses", "Accepted"),
            "404": not_found(),
            "410": refusal("It was cancelled"),
            "504": refusal("No answer came before its deadline"),
            "default": {
                "description": "The service's own status, headers and body",
                "headers": { "Operation-Status": status },
                "content": { "*/*": {} },
            },
        }),
    );
    result["parameters"] = json!([reference("parameters", "Prefer")]);
    result
}

fn events() -> Value {
    operation(
        "watchOperation",
        "Server-sent events: `status` at once and at each change, `end` with the last state, then closed",
        &json!({
            "200": {
                "description": "A stream of events; `data` is the operation as JSON, `id` its revision",
                "content": { "text/event-stream": { "schema": { "type": "string" } } },
            },
            "404": not_found(),
            "503": refusal("Too many streams are open"),
        }),
    )
}

fn outcome() -> Value {
    let mut outcome = operation(
        "putOperationOutcome",
        "A worker that was given the operation answers it; the same again is fine",
        &json!({
            "200": json!({ "description": "It is recorded", "content": { "application/json": {} } }),
            "202": { "description": "Nobody has asked for it yet: it is kept and matched" },
            "403": refusal("The token does not fit this operation"),
            "404": not_found(),
            "409": refusal("Another outcome is recorded"),
        }),
    );
    outcome["parameters"] = json!([
        {
            "name": "token", "in": "query", "required": false, "schema": { "type": "string" },
            "description": "As it stands in the `Outcome-Url` of the call",
        },
        {
            "name": "Sidegate-Status", "in": "header", "required": false,
            "schema": { "type": "integer", "minimum": 200, "maximum": 599, "default": 200 },
            "description": "The HTTP status of the outcome; from 400 the operation failed",
        },
    ]);
    outcome["requestBody"] = json!({ "description": "The result, byte for byte", "content": { "*/*": {} } });
    outcome
}
