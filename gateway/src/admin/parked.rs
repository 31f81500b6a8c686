//! `/parked`: the shelf of messages whose attempts ran out, and what an operator does with one.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};
use sidegate_core::Answer;
use sidegate_store::ParkedMessage;

use super::guard::Operator;
use super::query::{self, Paging};
use crate::app::Shared;
use crate::deliver::{self, Redriven};
use crate::exchange::refused;
use crate::names::message;
use crate::respond::Problem;
use crate::status::{self, rfc3339};

/// A page, newest first; without headers and bodies.
pub(super) async fn list(shared: &Shared, query: Option<&str>) -> Result<Value, Problem> {
    let mut paging = Paging::default();
    query::each(query, "`cursor` and `limit`", |name, value| paging.take(name, value))?;
    let page = shared.store.parked_list(paging.cursor, paging.limit).await.map_err(refused)?;
    let items: Vec<Value> = page.items.iter().map(summary).collect();
    Ok(json!({ "items": items, "next": page.next.map(|cursor| cursor.to_string()) }))
}

/// One message, whole.
pub(super) async fn show(shared: &Shared, id: u64) -> Result<Value, Problem> {
    let message = shared.store.parked(id).await.map_err(refused)?.ok_or_else(|| deliver::not_there(id))?;
    let mut document = summary(&message);
    document["headers"] = json!(message.parked.headers);
    put_body(&mut document, &message.parked.body);
    if let Some(answer) = &message.parked.last_answer {
        document["last_answer"]["headers"] = json!(answer.headers);
        put_body(&mut document["last_answer"], &answer.body);
    }
    Ok(document)
}

/// Another go.
pub(super) async fn redrive(shared: &Arc<Shared>, id: u64, operator: &Operator) -> Result<Value, Problem> {
    let redriven = deliver::redrive(shared, id).await?;
    tracing::info!(parked = id, operator = %operator, "an operator gave a parked message another go");
    let (what, operation) = match redriven {
        Redriven::GoesOn => ("goes_on", Value::Null),
        Redriven::Delivered => ("delivered", Value::Null),
        Redriven::NewOperation(operation) => {
            let operation = shared.store.operation(operation).await.map_err(refused)?;
            ("new_operation", operation.map(|operation| status::value(&operation, false)).unwrap_or_default())
        }
    };
    Ok(json!({ "id": id, "redriven": what, "operation": operation }))
}

/// Gone for good.
pub(super) async fn discard(shared: &Shared, id: u64, operator: &Operator) -> Result<Value, Problem> {
    if !shared.store.unpark(id).await.map_err(refused)? {
        return Err(deliver::not_there(id));
    }
    tracing::info!(parked = id, operator = %operator, "an operator discarded a parked message");
    Ok(json!({ "id": id, "discarded": true }))
}

fn summary(message: &ParkedMessage) -> Value {
    let ParkedMessage { id, parked } = message;
    let header = |name: &str| parked.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    json!({
        "id": id,
        "consumer": parked.consumer,
        "broker": parked.broker,
        "destination": parked.destination,
        "event": parked.event,
        "message_id": parked.message_id,
        "operation_id": header(message::OPERATION),
        "correlation_id": header(message::CORRELATION),
        "key": parked.key,
        "content_type": parked.content_type,
        "bytes": parked.body.len(),
        "attempts": parked.attempts,
        "reason": parked.reason,
        "last_answer": parked.last_answer.as_ref().map(answer),
        "parked_at": rfc3339(parked.parked_at),
        "expires_at": rfc3339(parked.expires_at),
    })
}

fn answer(answer: &Answer) -> Value {
    json!({ "status": answer.status, "content_type": answer.header("content-type"), "bytes": answer.body.len() })
}

/// As text where it is text.
fn put_body(document: &mut Value, body: &Bytes) {
    match std::str::from_utf8(body) {
        Ok(text) => document["body"] = text.into(),
        Err(_) => document["body_base64"] = BASE64.encode(body).into(),
    }
}
