//! One try of a call to a service, and what its answer means: done, later, a definite no, or try again.

mod verdict;

pub use verdict::{Verdict, exhausted};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use sidegate_config::settings::Authority;
use sidegate_core::Headers;
use tokio::time::Instant;

use crate::app::Shared;
use crate::body::Body;
use crate::call::{CallErrorKind, headers};
use crate::names;
use crate::tokens::Answers;

/// A call, complete in itself.
pub struct Call<'a> {
    /// Whom.
    pub authority: &'a Authority,
    /// How.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Headers that travelled.
    pub headers: &'a Headers,
    /// Media type, where it is not among the headers.
    pub content_type: Option<&'a str>,
    /// Byte for byte.
    pub body: Bytes,
    /// For which operation.
    pub identity: Identity<'a>,
    /// When the service's time is up.
    pub deadline: Instant,
    /// The service's definite no.
    pub fail_on: &'a [u16],
}

/// What a service is told about the operation that it works on.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// `Operation-Id`.
    pub operation_id: &'a str,
    /// `Correlation-Id`.
    pub correlation_id: &'a str,
    /// `Idempotency-Key`: the same on every attempt.
    pub idempotency_key: &'a str,
    /// What its `Outcome-Url` is good for.
    pub answers: Answers,
}

/// Makes the call.
pub async fn attempt(shared: &Shared, call: Call<'_>) -> Verdict {
    let (authority, deadline, fail_on) = (call.authority, call.deadline, call.fail_on);
    let request = match request(shared, call) {
        Ok(request) => request,
        Err(why) => return Verdict::impossible(why),
    };
    let answer_bytes_max = shared.gateway.limits.body_bytes_max;
    let response = match shared.calls.request(authority, request, deadline).await {
        Ok(response) => response,
        Err(error) => return Verdict::unreachable(&error),
    };
    let (head, body) = response.into_parts();
    match body.collect_bounded(answer_bytes_max, deadline).await {
        Ok(body) => verdict::of_answer(&head, body, fail_on),
        Err(error) if error.kind == CallErrorKind::TooLarge => Verdict::too_large(answer_bytes_max),
        Err(error) => Verdict::unreachable(&error),
    }
}

/// Headers that are added to those of the message: its media type, who asks for what, and the service's name.
const NAMED_BY_US: usize = 6;

fn request(shared: &Shared, call: Call<'_>) -> Result<Request<Body>, String> {
    let method = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| format!("`{}` is not a method", call.method))?;
    let uri = call.path.parse().map_err(|_| format!("`{}` is not a path", call.path))?;
    let mut headers = headers::from_message(call.headers, NAMED_BY_US);
    if let Some(content_type) = call.content_type.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(http::header::CONTENT_TYPE, content_type);
    }
    identify(&mut headers, shared, call.identity);
    if call.body.is_empty() && (method == Method::POST || method == Method::PUT || method == Method::PATCH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut request = Request::new(Body::from(call.body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

fn identify(headers: &mut HeaderMap, shared: &Shared, identity: Identity<'_>) {
    let outcome_url = shared.outcome_url(identity.operation_id, identity.answers);
    let named: [(HeaderName, &str); 4] = [
        (names::OPERATION_ID, identity.operation_id),
        (names::CORRELATION_ID, identity.correlation_id),
        (names::IDEMPOTENCY_KEY, identity.idempotency_key),
        (names::OUTCOME_URL, &outcome_url),
    ];
    for (name, value) in named {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}
