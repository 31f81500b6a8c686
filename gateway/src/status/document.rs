//! The operation as clients read it: one JSON document, its entity tag, and the responses that carry it.

use std::fmt::Write as _;

use compact_str::CompactString;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use sidegate_core::Timestamp;
use sidegate_store::Operation;

use crate::body::Body;
use crate::names;

/// When to ask again while an operation runs, in seconds.
const ASK_AGAIN_S: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    route: &'a str,
    status: &'a str,
    correlation_id: &'a str,
    created_at: String,
    updated_at: String,
    deadline: String,
    expires_at: Option<String>,
    attempts: u32,
    outcome: Option<Outcome<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_of: Option<CompactString>,
    links: Links<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Vec<Entry>>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    status: u16,
    content_type: Option<&'a str>,
    bytes: u64,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "self")]
    this: &'a str,
    result: &'a str,
    events: &'a str,
}

#[derive(Serialize)]
struct Entry {
    at: String,
    event: &'static str,
}

/// The operation as JSON; the admin plane sees the timeline too.
#[must_use]
pub fn json(operation: &Operation, with_timeline: bool) -> Vec<u8> {
    serde_json::to_vec(&document(operation, with_timeline, &mut Texts::of(operation))).unwrap_or_default()
}

/// The same as a value, for lists.
#[must_use]
pub fn value(operation: &Operation, with_timeline: bool) -> serde_json::Value {
    serde_json::to_value(document(operation, with_timeline, &mut Texts::of(operation))).unwrap_or_default()
}

/// The texts that the document borrows.
struct Texts {
    id: CompactString,
    this: String,
    result: String,
    events: String,
}

impl Texts {
    fn of(operation: &Operation) -> Self {
        let id = CompactString::from(operation.id.encode().as_str());
        let this = location(operation);
        Self { id, result: format!("{this}/result"), events: format!("{this}/events"), this }
    }
}

fn document<'a>(operation: &'a Operation, with_timeline: bool, texts: &'a mut Texts) -> Document<'a> {
    let state = &operation.state;
    Document {
        id: &texts.id,
        route: &operation.route,
        status: state.status.as_str(),
        correlation_id: operation.correlation_id.as_deref().unwrap_or(&texts.id),
        created_at: rfc3339(operation.created_at),
        updated_at: rfc3339(state.updated_at),
        deadline: rfc3339(state.deadline),
        expires_at: operation.expires_at.map(rfc3339),
        attempts: state.attempts,
        outcome: operation.outcome.as_ref().map(|outcome| Outcome {
            status: outcome.status,
            content_type: outcome.content_type.as_deref(),
            bytes: outcome.body_bytes,
        }),
        redrive_of: operation.redrive_of.map(|id| CompactString::from(id.encode().as_str())),
        links: Links { this: &texts.this, result: &texts.result, events: &texts.events },
        timeline: with_timeline.then(|| {
            operation.timeline.iter().map(|e| Entry { at: rfc3339(e.at), event: e.kind.as_str() }).collect()
        }),
    }
}

/// RFC 3339 in UTC with milliseconds, the one spelling of a time in this product.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let ms = i64::try_from(at.unix_ms()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{moment:.3}")
}

/// The path of an operation.
#[must_use]
pub(super) fn location(operation: &Operation) -> String {
    let mut path = String::with_capacity(44);
    let _ = write!(path, "/operations/{}", operation.id.encode().as_str());
    path
}

/// The entity tag: the revision is all that changes.
#[must_use]
pub(super) fn etag(operation: &Operation) -> HeaderValue {
    HeaderValue::try_from(format!("\"{}\"", operation.state.revision))
        .unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Names the operation in headers, on every answer that is about one.
pub(super) fn name(headers: &mut HeaderMap, operation: &Operation) {
    let id = operation.id.encode();
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(names::OPERATION_ID, id);
    }
    let correlation = operation.correlation_id.as_deref().unwrap_or(id.as_str());
    if let Ok(correlation) = HeaderValue::from_str(correlation) {
        headers.insert(names::CORRELATION_ID, correlation);
    }
}

/// 202: it is stored, here is where to ask.
#[must_use]
pub fn accepted(operation: &Operation) -> Response<Body> {
    let mut response = document_response(operation, StatusCode::ACCEPTED);
    if let Ok(location) = HeaderValue::try_from(location(operation)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The operation as a response, with `Retry-After` while it runs.
#[must_use]
pub(super) fn document_response(operation: &Operation, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(json(operation, false)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ETAG, etag(operation));
    name(headers, operation);
    if !operation.state.status.is_end() {
        headers.insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN_S));
    }
    response
}
