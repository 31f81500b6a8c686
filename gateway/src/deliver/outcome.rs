//! An outcome that a worker tells over HTTP for a message that this gateway received.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use sidegate_core::Answer;
use sidegate_store::{Executed, InboxRecord};

use super::settle::{Asker, publish_reply};
use crate::app::Shared;
use crate::body::Body;
use crate::clock;
use crate::exchange::refused;
use crate::respond::{Code, Problem};
use crate::status::{conflict, same};

/// An outcome is kept under no consumer's name at first, so long: it may be faster than the 202 before it.
const EARLY_MS: u64 = 60_000;
const EARLY: &str = "";

/// Answers the message whose operation this is: the outcome is kept, the reply handed to the broker, then recorded,
/// then 200.
///
/// Of two outcomes told at once only the one that is kept first goes on. A worker that got no 200 tells it again: the
/// reply may go out twice, which changes nothing at the asker.
///
/// # Errors
/// 409 when another outcome was told before; 503 when the broker does not take the reply.
pub async fn outcome_over_http(shared: &Shared, id: &str, answer: Answer) -> Result<Response<Body>, Problem> {
    if let Some(record) = find(shared, id).await?
        && let Executed::Answered { answer: recorded, .. } = &record.executed
    {
        return again(id, recorded, &answer);
    }
    keep(shared, id, &answer).await?;
    // Read after it was kept: a 202 that is recorded from now on sees what was kept.
    match find(shared, id).await? {
        Some(record) => finish(shared, record, answer).await,
        None => Ok(told(id, StatusCode::ACCEPTED, "kept")),
    }
}

/// The outcome that came before its 202, if one did.
pub(super) async fn early(shared: &Shared, id: &str) -> Option<Answer> {
    let records = shared.store.executed_for(id).await.ok()?;
    records.into_iter().find(|record| record.consumer == EARLY).and_then(|record| match record.executed {
        Executed::Answered { answer, .. } => Some(answer),
        Executed::Awaiting { .. } => None,
    })
}

async fn find(shared: &Shared, id: &str) -> Result<Option<InboxRecord>, Problem> {
    let records = shared.store.executed_for(id).await.map_err(refused)?;
    Ok(records.into_iter().find(|record| record.consumer != EARLY))
}

async fn keep(shared: &Shared, id: &str, answer: &Answer) -> Result<(), Problem> {
    let record = InboxRecord {
        consumer: EARLY.into(),
        message_id: id.into(),
        operation_id: id.into(),
        executed: Executed::Answered { answer: answer.clone(), exhausted: false },
        expires_at: clock::now() + EARLY_MS,
    };
    let stands = shared.store.record(vec![record]).await.map_err(refused)?;
    match stands.into_iter().next() {
        Some(Executed::Answered { answer: stands, .. }) if !same(&stands, answer) => Err(conflicts(id)),
        _ => Ok(()),
    }
}

fn again(id: &str, recorded: &Answer, answer: &Answer) -> Result<Response<Body>, Problem> {
    if same(recorded, answer) { Ok(told(id, StatusCode::OK, "recorded")) } else { Err(conflicts(id)) }
}

fn conflicts(id: &str) -> Problem {
    conflict("another one was told before").about(id)
}

async fn finish(shared: &Shared, record: InboxRecord, answer: Answer) -> Result<Response<Body>, Problem> {
    let (broker, reply_to, correlation_id) = match &record.executed {
        Executed::Answered { answer: recorded, .. } => return again(&record.operation_id, recorded, &answer),
        Executed::Awaiting { broker, reply_to, correlation_id, .. } => (broker, reply_to, correlation_id),
    };
    if let Some(reply_to) = reply_to {
        let link = shared.link(broker)?;
        let asker =
            Asker { reply_to, message_id: &record.message_id, correlation_id: correlation_id.as_deref() };
        publish_reply(&link, asker.reply(answer.clone()), true).await.map_err(|error| {
            Problem::new(
                Code::BrokerUnavailable,
                format!("the answer could not be sent to the asker: {error}"),
            )
        })?;
    }
    let id = record.operation_id.clone();
    let answered = InboxRecord { executed: Executed::Answered { answer, exhausted: false }, ..record };
    shared.store.record(vec![answered]).await.map_err(refused)?;
    Ok(told(&id, StatusCode::OK, "recorded"))
}

fn told(id: &str, status: StatusCode, outcome: &str) -> Response<Body> {
    let document = serde_json::json!({ "id": id, "outcome": outcome });
    let mut response = Response::new(Body::from(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
