//! Reads and checks a request: whatever can be refused is refused here, before anything is stored or sent.

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use sidegate_config::settings::{Call, ReplyMode, Target};
use sidegate_core::template::{RenderError, Values};
use sidegate_core::{OperationId, Template};
use sidegate_store::{Request as StoredRequest, RequestKind};

use super::values::RequestValues;
use crate::app::Shared;
use crate::call::headers;
use crate::ingress;
use crate::json::{self, LazyBody};
use crate::names;
use crate::respond::{Code, Problem};
use crate::route::{Params, Route};

/// A request that nothing speaks against.
pub(super) struct Checked {
    /// The business's own name of the operation; `None` means the operation id.
    pub(super) correlation_id: Option<CompactString>,
    /// What is to be done.
    pub(super) request: StoredRequest,
}

/// No correlation id is longer.
const CORRELATION_BYTES_MAX: usize = 255;

/// Reads the body within the route's limits and checks it against the schema.
pub(super) async fn read(
    shared: &Shared,
    route: &Route,
    request: Request<Incoming>,
) -> Result<(Parts, Bytes), Problem> {
    let limits = &shared.gateway.limits;
    let (parts, body) = request.into_parts();
    let body_bytes_max = route.settings.body_bytes_max.unwrap_or(limits.body_bytes_max);
    let body =
        ingress::read_body(body, body_bytes_max, limits.body_idle_timeout, limits.body_total_timeout).await?;
    check_body(route, &parts.headers, &body)?;
    Ok((parts, body))
}

fn check_body(route: &Route, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    if route.validator.is_none() && !route.reads_body {
        return Ok(());
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "this route reads the body, and the body is encoded: send it without `Content-Encoding`",
        ));
    }
    let Some(validator) = &route.validator else { return Ok(()) };
    if !is_json(headers) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "this route takes JSON: send `Content-Type: application/json`",
        ));
    }
    let document: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| invalid_json(&error.to_string()))?;
    check_schema(validator, &document)
}

fn check_schema(validator: &jsonschema::Validator, document: &serde_json::Value) -> Result<(), Problem> {
    const VIOLATIONS_MAX: usize = 10;
    if validator.is_valid(document) {
        return Ok(());
    }
    let violations: Vec<serde_json::Value> = validator
        .iter_errors(document)
        .take(VIOLATIONS_MAX)
        .map(|error| {
            serde_json::json!({ "pointer": error.instance_path().to_string(), "detail": error.masked().to_string() })
        })
        .collect();
    Err(Problem::new(
        Code::SchemaViolation,
        "the body is JSON, but not what the route's schema asks for: see `errors`",
    )
    .with("errors", violations))
}

/// `application/json` and every `…+json`; without a type the body is taken for what the route expects.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// Renders what the route's templates say and puts the request into the form that is stored or sent.
pub(super) fn compose(
    route: &Route,
    params: &Params,
    parts: &Parts,
    body: Bytes,
    operation: OperationId,
) -> Result<Checked, Problem> {
    let (correlation_id, key, kind, target, method) = {
        let mut values = RequestValues {
            params,
            rest: route.settings.rest.as_deref(),
            uri: &parts.uri,
            headers: &parts.headers,
            body: LazyBody::new(&body),
            operation: Some(operation),
            correlation: None,
        };
        let correlation_id = correlation(route, &values)?;
        values.correlation = correlation_id.as_deref();
        let key = route.settings.key.as_ref().map(|key| required(key, &values)).transpose()?;
        let (kind, target, method) = target(route, parts, &values)?;
        (correlation_id.clone(), key, kind, target, method)
    };
    let mut headers = match &route.settings.target {
        Target::Call { .. } => headers::end_to_end(&parts.headers)?,
        _ => headers::travelling(&parts.headers, &route.settings.headers)?,
    };
    if !headers.iter().any(|(name, _)| name == names::TRACEPARENT.as_str()) {
        headers.push((names::TRACEPARENT.as_str().into(), new_traceparent()));
    }
    let request = StoredRequest {
        kind,
        lane: route.lane.clone(),
        target,
        key,
        method,
        path: parts.uri.path_and_query().map_or("/", |path| path.as_str()).into(),
        headers,
        body,
    };
    Ok(Checked { correlation_id, request })
}

type Aim = (RequestKind, CompactString, CompactString);

fn target(route: &Route, parts: &Parts, values: &RequestValues<'_>) -> Result<Aim, Problem> {
    let method = CompactString::from(parts.method.as_str());
    match &route.settings.target {
        Target::Send { destination, .. } => {
            let kind = if route.settings.reply == ReplyMode::None {
                RequestKind::SendOnly
            } else {
                RequestKind::Send
            };
            Ok((kind, required(destination, values)?, method))
        }
        Target::Publish { destination, .. } => {
            Ok((RequestKind::Publish, required(destination, values)?, method))
        }
        Target::Call { call, .. } => {
            let (url, method) = call_target(call, values)?;
            Ok((RequestKind::Call, url, method))
        }
    }
}

fn call_target(call: &Call, values: &dyn Values) -> Result<(CompactString, CompactString), Problem> {
    let path = call.path.render_url(values).map_err(problem)?;
    let method = call.method.render(values).map_err(problem)?;
    let scheme = if call.authority.unix { "http+unix:" } else { "http://" };
    let host =
        if call.authority.unix { call.authority.host.clone() } else { call.authority.to_compact_string() };
    let separator = if call.authority.unix { ":" } else { "" };
    Ok((compact_str::format_compact!("{scheme}{host}{separator}{path}"), method.into()))
}

/// The route's template, else the header, else nothing.
fn correlation(route: &Route, values: &RequestValues<'_>) -> Result<Option<CompactString>, Problem> {
    let given = match &route.settings.correlation {
        Some(template) => Some(required(template, values)?),
        None => match values.headers.get(names::CORRELATION_ID) {
            None => None,
            Some(value) => {
                Some(value.to_str().map_err(|_| bad_correlation("is not printable ASCII"))?.trim().into())
            }
        },
    };
    match given {
        Some(id) if id.is_empty() => Err(bad_correlation("is empty")),
        Some(id) if id.len() > CORRELATION_BYTES_MAX => Err(bad_correlation("is longer than 255 bytes")),
        Some(id) if id.chars().any(char::is_control) => Err(bad_correlation("holds control characters")),
        given => Ok(given),
    }
}

fn bad_correlation(why: &str) -> Problem {
    Problem::new(Code::InvalidCorrelationId, format!("the correlation id {why}"))
}

fn required(template: &Template, values: &dyn Values) -> Result<CompactString, Problem> {
    template.render_required(values).map(Into::into).map_err(problem)
}

/// What a template's failure means to the client.
#[expect(clippy::needless_pass_by_value, reason = "shaped for `map_err`")]
pub(super) fn problem(error: RenderError) -> Problem {
    match &error {
        RenderError::InvalidJson(why) => invalid_json(why),
        RenderError::Missing(_) | RenderError::TooLong => Problem::new(Code::ValueMissing, error.to_string()),
        RenderError::DotSegment => Problem::new(Code::DotSegment, error.to_string()),
    }
}

fn invalid_json(why: &str) -> Problem {
    Problem::new(Code::InvalidJson, format!("the body is not valid JSON: {why}"))
}

/// Whether a body is JSON where only a template asks for it; the templates find out by themselves.
pub(super) fn check_json(route: &Route, body: &[u8]) -> Result<(), Problem> {
    if route.reads_body { json::check(body).map(drop).map_err(|why| invalid_json(&why)) } else { Ok(()) }
}

/// A trace that begins here, not sampled (W3C Trace Context, section 3.2).
fn new_traceparent() -> CompactString {
    let trace = (u128::from(fastrand::u64(1..)) << 64) | u128::from(fastrand::u64(..));
    compact_str::format_compact!("00-{trace:032x}-{:016x}-00", fastrand::u64(1..))
}
