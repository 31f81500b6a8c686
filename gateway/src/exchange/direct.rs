//! A service asked directly, without a record: request and answer stream through, no body is held in memory.

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use sidegate_config::settings::{Call, Limits};
use tokio::time::Instant;

use super::intake;
use super::values::RequestValues;
use crate::app::Shared;
use crate::body::Body;
use crate::call::{CallError, CallErrorKind, headers};
use crate::ingress::{self, BodyFault, Peer};
use crate::json::LazyBody;
use crate::names;
use crate::respond::{Code, ERROR_SOURCE, Problem};
use crate::route::{Params, Route};

/// Passes the request on and the answer back.
pub(super) async fn serve(
    shared: &Shared,
    route: &Route,
    call: &Call,
    params: Params,
    request: Request<Incoming>,
    peer: Peer,
) -> Result<Response<Body>, Problem> {
    let _held = shared.hold(route)?;
    let head_only = request.method() == http::Method::HEAD;
    let must_read = route.validator.is_some() || route.reads_body || route.settings.body_bytes_max.is_some();
    let (parts, body, bytes) = if must_read {
        let (parts, bytes) = intake::read(shared, route, request).await?;
        intake::check_json(route, &bytes)?;
        (parts, Body::from(bytes.clone()), bytes)
    } else {
        let (parts, body) = request.into_parts();
        (parts, pass_on(body, &shared.gateway.limits).await?, bytes::Bytes::new())
    };

    let values = RequestValues {
        params: &params,
        rest: route.settings.rest.as_deref(),
        uri: &parts.uri,
        headers: &parts.headers,
        body: LazyBody::new(&bytes),
        operation: None,
        correlation: parts.headers.get(names::CORRELATION_ID).and_then(|value| value.to_str().ok()),
    };
    let path = call.path.render_url(&values).map_err(intake::problem)?;
    let method = call.method.render(&values).map_err(intake::problem)?;
    let method = if head_only { http::Method::HEAD } else { parse_method(&method)? };
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() =
        path.parse().map_err(|_| Problem::new(Code::BadRequest, "the rendered path is not a URL"))?;
    *outgoing.headers_mut() = headers::forwarded(&parts.headers, &peer);

    let deadline = Instant::now() + route.settings.timeout;
    let answer =
        shared.calls.request(&call.authority, outgoing, deadline).await.map_err(|error| failed(&error))?;
    let (mut head, body) = answer.into_parts();
    headers::strip_hop_by_hop(&mut head.headers);
    if head.status.is_client_error() || head.status.is_server_error() {
        head.headers.entry(ERROR_SOURCE).or_insert(HeaderValue::from_static("service"));
    }
    let body = if is_small(&body) {
        Body::from(
            body.collect_bounded(READ_WHOLE_BYTES_MAX, deadline).await.map_err(|error| failed(&error))?,
        )
    } else {
        Body::stream(body.patient(route.settings.timeout.max(shared.gateway.limits.body_idle_timeout)))
    };
    Ok(Response::from_parts(head, body))
}

/// A body announced as so small is read whole before it goes on, so that head and body leave in one packet. What is
/// larger, or of unknown length, streams.
const READ_WHOLE_BYTES_MAX: usize = 16 * 1024;

fn is_small(body: &impl http_body::Body) -> bool {
    body.size_hint().exact().is_some_and(|bytes| bytes <= READ_WHOLE_BYTES_MAX as u64)
}

async fn pass_on(body: Incoming, limits: &Limits) -> Result<Body, Problem> {
    if is_small(&body) {
        let whole = ingress::read_body(
            body,
            READ_WHOLE_BYTES_MAX,
            limits.body_idle_timeout,
            limits.body_total_timeout,
        );
        return whole.await.map(Body::from);
    }
    ingress::stream_body(body, None, limits.body_idle_timeout)
}

fn parse_method(method: &str) -> Result<http::Method, Problem> {
    method.parse().map_err(|_| Problem::new(Code::BadRequest, format!("`{method}` is not a method")))
}

/// What a dead or slow service means to the caller of a route.
pub fn failed(error: &CallError) -> Problem {
    if let Some(fault) = BodyFault::cause_of(error) {
        return fault.clone();
    }
    let detail = format!("the service did not answer: {error}");
    match error.kind {
        CallErrorKind::Timeout | CallErrorKind::Busy => Problem::new(Code::DeadlineExceeded, detail),
        CallErrorKind::TooLarge => Problem::new(Code::AnswerTooLarge, detail),
        _ => Problem::new(Code::ServiceUnreachable, detail),
    }
}
