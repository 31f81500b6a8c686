//! A request as the handlers see it: read whole, within bounds, and taken apart without trust.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The largest body.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest idempotency key.
const KEY_BYTES_MAX: usize = 255;
/// The longest delay that can be asked for.
const DELAY_MS_MAX: i64 = 60_000;

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    /// One that the endpoint knows.
    pub(crate) method: Method,
    /// The parameter in the path, decoded; empty where there is none.
    pub(crate) parameter: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// Reads `request` to its end.
    ///
    /// # Errors
    /// A body that is too large, too slow, or cut off.
    pub(crate) async fn read(
        request: hyper::Request<Incoming>,
        method: Method,
        parameter: String,
    ) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let body = read_body(body).await?;
        let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        Ok(Self { method, parameter, query: query.into_owned().collect(), headers: head.headers, body })
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a whole number up to `max`, or `default`.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn number(&self, name: &str, default: i64, max: i64) -> Result<i64, Problem> {
        let Some(text) = self.query(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (0..=max).contains(number));
        number.ok_or_else(|| {
            let detail = format!("`{name}` is `{text}`; it must be a whole number from 0 to {max}");
            Problem::unprocessable("invalid_query", detail)
        })
    }

    /// How long the client wants to wait: `?delay_ms=`.
    ///
    /// # Errors
    /// It is not a number of milliseconds within the bound.
    pub(crate) fn delay(&self, default_ms: i64) -> Result<Duration, Problem> {
        let delay_ms = self.number("delay_ms", default_ms, DELAY_MS_MAX)?;
        Ok(Duration::from_millis(delay_ms.unsigned_abs()))
    }

    /// The body as JSON of a shape.
    ///
    /// # Errors
    /// 415 for another media type, 400 for what is no JSON, 422 for JSON of another shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.expect_json()?;
        serde_json::from_slice(&self.body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Problem::unprocessable("invalid_body", format!("the body does not fit: {error}"))
            }
            _ => Problem::bad_request("invalid_json", format!("the body is not JSON: {error}")),
        })
    }

    /// `Idempotency-Key`, bare or quoted.
    ///
    /// # Errors
    /// It is empty, too long, or not text.
    pub(crate) fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let detail = format!("the Idempotency-Key must be text of 1 to {KEY_BYTES_MAX} characters");
            return Err(Problem::bad_request("invalid_idempotency_key", detail));
        }
        Ok(Some(key.to_owned()))
    }

    fn expect_json(&self) -> Result<(), Problem> {
        let Some(value) = self.headers.get(CONTENT_TYPE) else { return Ok(()) };
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json") {
            return Ok(());
        }
        let detail = format!("the body is `{essence}`; send `application/json`");
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let Ok(collected) = collected else {
        let detail = "the body did not arrive in time; nothing was done with it";
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail));
    };
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        } else {
            Problem::bad_request("incomplete_body", "the body ended before its announced length")
        }
    })
}
