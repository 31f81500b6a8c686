//! Building responses: JSON, or nothing.

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use serde::Serialize;

use crate::problem::Problem;

/// What every handler makes.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// 200 with `value`.
pub(crate) fn ok(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json(StatusCode::OK, body.into()),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            json(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(b"{}"))
        }
    }
}

/// 204.
pub(crate) fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// JSON that is written already; a problem document where the status says so.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response {
    let is_problem = status.is_client_error() || status.is_server_error();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, if is_problem { PROBLEM_JSON } else { JSON });
    response
}

/// Where the next page of a list begins; `None` when this one, asked for with `limit`, was not filled.
pub(crate) fn next<T, C>(items: &[T], limit: i64, cursor: impl FnOnce(&T) -> C) -> Option<C> {
    let is_full = i64::try_from(items.len()).is_ok_and(|count| count == limit);
    items.last().filter(|_| is_full).map(cursor)
}

/// Adds where the thing that was made can be found.
pub(crate) fn located(mut response: Response, path: &str) -> Response {
    insert(&mut response, LOCATION, path);
    response
}

/// Adds that this answer was given before.
pub(crate) fn replayed(mut response: Response) -> Response {
    insert(&mut response, HeaderName::from_static("idempotency-replayed"), "true");
    response
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let mut response = json(problem.status, problem.document().to_string().into());
        if let Some(allow) = &problem.allow {
            insert(&mut response, ALLOW, allow);
        }
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn insert(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
