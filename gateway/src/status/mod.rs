//! What a client can ask about an operation: status, result, events; and what it can still do to it.
//!
//! Reads only the store, never a broker. An unknown id and a malformed one get the same 404.

mod document;
mod events;
mod outcome;
mod result;

pub use document::{accepted, json, rfc3339, value};
pub(crate) use outcome::{conflict, same};
pub use result::{answered, as_answer, response as result_response};

use http::header::{ALLOW, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use sidegate_core::OperationId;
use sidegate_core::operation::{Event, Status};
use sidegate_store::{Applied, Operation};
use tokio::time::Instant;

use crate::app::Shared;
use crate::body::Body;
use crate::exchange::{Prefer, refused};
use crate::names;
use crate::respond::{Code, Problem};

/// The path under which operations are asked about.
pub const PREFIX: &str = "/operations/";

/// Serves everything under [`PREFIX`].
///
/// # Errors
/// A problem for whoever asked.
pub async fn serve(
    shared: &std::sync::Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let (id, part) = path.split_once('/').map_or((path.as_str(), None), |(id, part)| (id, Some(part)));
    let method = request.method().clone();
    let read = method == Method::GET || method == Method::HEAD;
    match part {
        None if read => show(shared, parse(id)?, request.headers()).await,
        None if method == Method::DELETE => cancel(shared, parse(id)?).await,
        None => not_allowed(&method, "GET, HEAD, DELETE, OPTIONS"),
        Some("result") if read => result(shared, parse(id)?, request.headers()).await,
        Some("result") => not_allowed(&method, "GET, HEAD, OPTIONS"),
        Some("events") if read => events::serve(shared, parse(id)?, request.headers()).await,
        Some("events") => not_allowed(&method, "GET, HEAD, OPTIONS"),
        Some("outcome") if method == Method::PUT => outcome::serve(shared, id, request).await,
        Some("outcome") => not_allowed(&method, "PUT, OPTIONS"),
        Some(_) => Err(Problem::new(
            Code::NotFound,
            "an operation has `/result`, `/events` and `/outcome` under it, and nothing else",
        )),
    }
}

fn parse(id: &str) -> Result<OperationId, Problem> {
    id.parse().map_err(|_| unknown())
}

/// The same for a malformed id, an unknown one and somebody else's.
fn unknown() -> Problem {
    Problem::new(
        Code::OperationNotFound,
        "there is no operation of this id, or it was forgotten after its retention, or it is somebody else's",
    )
}

/// 204 to OPTIONS, 405 to what is not there, both with `Allow`.
fn not_allowed(method: &Method, allow: &'static str) -> Result<Response<Body>, Problem> {
    if method == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        return Ok(response);
    }
    let mut problem = Problem::new(Code::MethodNotAllowed, format!("`{method}` is not allowed here"));
    problem.allow = Some(allow.into());
    Err(problem)
}

async fn find(shared: &Shared, id: OperationId) -> Result<Operation, Problem> {
    shared.store.operation(id).await.map_err(refused)?.ok_or_else(unknown)
}

/// `GET /operations/{id}`: at once, or with `Prefer: wait=N` at the next change of status.
async fn show(shared: &Shared, id: OperationId, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let prefer = Prefer::from_headers(headers)?;
    let operation = match prefer.wait {
        None => find(shared, id).await?,
        Some(_) => {
            let has_known = headers.contains_key(IF_NONE_MATCH);
            wait(shared, id, prefer, |seen, now| match has_known {
                true => !is_known(headers, now),
                false => seen.state.status != now.state.status,
            })
            .await?
        }
    };
    let mut response = if is_known(headers, &operation) {
        not_modified(&operation)
    } else {
        document::document_response(&operation, StatusCode::OK)
    };
    mark(&mut response, prefer);
    Ok(response)
}

/// RFC 9110, section 13.1.2: a list of tags, weak or not, or `*`.
fn is_known(headers: &HeaderMap, operation: &Operation) -> bool {
    let current = document::etag(operation);
    let current = current.to_str().unwrap_or_default();
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == current)
    })
}

fn not_modified(operation: &Operation) -> Response<Body> {
    let mut response = document::document_response(operation, StatusCode::NOT_MODIFIED);
    *response.body_mut() = Body::empty();
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}

fn mark(response: &mut Response<Body>, prefer: Prefer) {
    let followed = Prefer { respond_async: false, ..prefer };
    if let Some(applied) = followed.applied() {
        response.headers_mut().insert(names::PREFERENCE_APPLIED, applied);
    }
}

/// Waits until `is_news(first seen, now)`, the end, the preference's end or the gateway's.
async fn wait(
    shared: &Shared,
    id: OperationId,
    prefer: Prefer,
    is_news: impl Fn(&Operation, &Operation) -> bool,
) -> Result<Operation, Problem> {
    let _stream = shared.stream()?;
    let until = Instant::now() + prefer.wait.unwrap_or_default().min(shared.gateway.limits.wait_max);
    let mut watch = shared.outcomes.watch(id);
    let seen = find(shared, id).await?;
    let mut latest = seen.clone();
    while !latest.state.status.is_end() && !is_news(&seen, &latest) {
        tokio::select! {
            change = watch.changed() => latest = change.operation.clone(),
            () = tokio::time::sleep_until(until) => break,
            () = shared.drain.started() => break,
        }
    }
    Ok(latest)
}

/// `GET /operations/{id}/result`: the answer after the end, 202 before it.
async fn result(shared: &Shared, id: OperationId, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let prefer = Prefer::from_headers(headers)?;
    let operation = match prefer.wait {
        None => find(shared, id).await?,
        Some(_) => wait(shared, id, prefer, |_, _| false).await?,
    };
    let mut response = if operation.state.status.is_end() {
        let answer = shared.store.answer(id).await.map_err(refused)?;
        result::response(&operation, answer)
    } else {
        document::accepted(&operation)
    };
    mark(&mut response, prefer);
    Ok(response)
}

/// `DELETE /operations/{id}`: 200 now and again; 409 when it ended otherwise.
async fn cancel(shared: &Shared, id: OperationId) -> Result<Response<Body>, Problem> {
    cancel_operation(shared, id)
        .await
        .map(|operation| document::document_response(&operation, StatusCode::OK))
}

/// Cancels, for its owner or an operator.
///
/// # Errors
/// 404 for an unknown operation, 409 for one that ended otherwise.
pub async fn cancel_operation(shared: &Shared, id: OperationId) -> Result<Operation, Problem> {
    match shared.outcomes.apply_one(id, Event::Cancelled).await.map_err(refused)? {
        Applied::Changed(operation) => Ok(operation),
        Applied::Unchanged(operation, _) if operation.state.status == Status::Cancelled => Ok(operation),
        Applied::Unchanged(operation, _) => Err(Problem::new(
            Code::OperationEnded,
            format!("the operation cannot be cancelled any more: {}", in_words(operation.state.status)),
        )
        .about(operation.id.encode().as_str())
        .with("operation_status", operation.state.status.as_str())),
        Applied::Unknown => Err(unknown()),
    }
}

fn in_words(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "it has succeeded",
        Status::Failed => "it has failed",
        Status::TimedOut => "it has timed out",
        Status::Cancelled => "it was cancelled",
        Status::Pending | Status::Sent | Status::Running | Status::Parked => "it is not in a state for that",
    }
}

/// 200 for a repeat of a request whose operation has ended: here it is.
#[must_use]
pub fn ended(operation: &Operation) -> Response<Body> {
    let mut response = document::document_response(operation, StatusCode::OK);
    if let Ok(location) = HeaderValue::try_from(document::location(operation)) {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    response
}
