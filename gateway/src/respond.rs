//! THE map from what went wrong to what a client sees: status, code, whose fault, whether asking again is safe.
//!
//! Every refusal of the gateway is a [`Problem`]; nothing else writes an error to the wire. Each code has a page in
//! `docs/errors/` of the same name, and a test holds the two together.

use std::borrow::Cow;

use compact_str::CompactString;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;

/// `Sidegate-Error-Source`: who says no.
pub const ERROR_SOURCE: HeaderName = HeaderName::from_static("sidegate-error-source");

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal, $again:ident;)*) => {
        /// The stable code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in `code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $code,)* } }

            /// The HTTP status it is sent with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                const fn valid(status: u16) -> StatusCode {
                    match StatusCode::from_u16(status) { Ok(status) => status, Err(_) => StatusCode::INTERNAL_SERVER_ERROR }
                }
                match self { $(Self::$name => valid($status),)* }
            }

            /// The title of the problem, the same for every occurrence (RFC 9457, section 3.1.3).
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// Whether the same request can be sent again.
            #[must_use]
            pub const fn again(self) -> Again { match self { $(Self::$name => Again::$again,)* } }
        }
    };
}

/// Whether asking again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// Nothing happened; the same request will be refused again until it is changed.
    AfterChange,
    /// Nothing happened; the same request may well succeed later.
    Later,
    /// It may have been executed: ask again only with an `Idempotency-Key` or if repeating does no harm.
    WithKey,
    /// It is over; asking again gives the same answer.
    No,
}

codes! {
    /// The request breaks HTTP, or a header cannot be read.
    BadRequest = "bad_request", 400, "The request cannot be understood", AfterChange;
    /// JSON is needed and the body is not JSON.
    InvalidJson = "invalid_json", 400, "The body is not valid JSON", AfterChange;
    /// `Prefer` cannot be followed as written.
    InvalidPrefer = "invalid_prefer", 400, "The Prefer header cannot be read", AfterChange;
    /// The route asks for an `Idempotency-Key`.
    IdempotencyKeyRequired = "idempotency_key_required", 400, "An Idempotency-Key is required", AfterChange;
    /// The `Idempotency-Key` is empty, too long or not readable.
    InvalidIdempotencyKey = "invalid_idempotency_key", 400, "The Idempotency-Key cannot be used", AfterChange;
    /// `Correlation-Id` is empty, too long or not readable.
    InvalidCorrelationId = "invalid_correlation_id", 400, "The Correlation-Id cannot be used", AfterChange;
    /// A value would change the path that is called.
    DotSegment = "dot_segment", 400, "A value would leave its place in the path", AfterChange;
    /// Something of the contract that this version does not do.
    NotInThisVersion = "not_in_this_version", 501, "Not in this version", AfterChange;
    /// No or a wrong token.
    Unauthenticated = "unauthenticated", 401, "A valid token is required", AfterChange;
    /// The token of an outcome URL does not fit.
    OutcomeTokenInvalid = "outcome_token_invalid", 403, "The outcome token does not fit this operation", AfterChange;
    /// No route, or nothing under this name.
    NotFound = "not_found", 404, "There is nothing here", AfterChange;
    /// No such operation, or somebody else's.
    OperationNotFound = "operation_not_found", 404, "No such operation", AfterChange;
    /// No such parked message.
    ParkedNotFound = "parked_not_found", 404, "No such parked message", AfterChange;
    /// The path is there, the method is not.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here", AfterChange;
    /// The headers began and did not end in time.
    HeaderTimeout = "header_timeout", 408, "The headers did not arrive in time", Later;
    /// The body did not come in time.
    BodyTimeout = "body_timeout", 408, "The body did not arrive in time", Later;
    /// It ended otherwise.
    OperationEnded = "operation_ended", 409, "The operation has already ended", No;
    /// An outcome is recorded, and it is another one.
    OutcomeConflict = "outcome_conflict", 409, "Another outcome is already recorded", No;
    /// It was cancelled.
    OperationCancelled = "operation_cancelled", 410, "The operation was cancelled", No;
    /// The body is larger than the limit.
    BodyTooLarge = "body_too_large", 413, "The body is too large", AfterChange;
    /// The body is compressed or typed in a way that cannot be checked.
    UnsupportedMediaType = "unsupported_media_type", 415, "The media type cannot be used here", AfterChange;
    /// The key is known with another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The Idempotency-Key was used for another request", AfterChange;
    /// Valid JSON, but not what the schema asks for.
    SchemaViolation = "schema_violation", 422, "The body does not match the schema", AfterChange;
    /// `key` or `correlation` found nothing in the request.
    ValueMissing = "value_missing", 422, "A value that the route needs is missing", AfterChange;
    /// Headers are too many or too large.
    HeadersTooLarge = "headers_too_large", 431, "The headers are too large", AfterChange;
    /// A bug, or a broken promise of a part.
    Internal = "internal", 500, "The gateway failed", WithKey;
    /// The service could not be reached or broke off.
    ServiceUnreachable = "service_unreachable", 502, "The service could not be reached", WithKey;
    /// The service's answer is larger than the limit.
    AnswerTooLarge = "answer_too_large", 502, "The answer is too large", No;
    /// Attempts ran out.
    AttemptsExhausted = "attempts_exhausted", 502, "All attempts failed", No;
    /// The broker said no for good.
    BrokerRejected = "broker_rejected", 502, "The broker refused the message", No;
    /// More callers are held than may.
    TooManyHeld = "too_many_held", 503, "Too many callers are held", Later;
    /// As many requests wait for the broker as may.
    PendingFull = "pending_full", 503, "Too many requests wait for the broker", Later;
    /// More work is queued than the store takes.
    Overloaded = "overloaded", 503, "The gateway is overloaded", Later;
    /// The gateway stops.
    Draining = "draining", 503, "The gateway is shutting down", Later;
    /// The broker cannot be reached and the route keeps no record.
    BrokerUnavailable = "broker_unavailable", 503, "The broker cannot be reached", Later;
    /// No answer by the deadline.
    DeadlineExceeded = "deadline_exceeded", 504, "No answer came in time", WithKey;
    /// The disk is full.
    StorageFull = "storage_full", 507, "There is no room to store the request", Later;
}

/// A refusal, on its way to the client (RFC 9457).
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What happened in this case, to what, and what to do.
    pub detail: Cow<'static, str>,
    /// Seconds, where waiting helps.
    pub retry_after_s: Option<u32>,
    /// `Allow`, with 405.
    pub allow: Option<CompactString>,
    /// The operation it is about.
    pub operation_id: Option<CompactString>,
    /// Further members of the problem document.
    pub extra: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    retry: Again,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<&'a str>,
    #[serde(flatten)]
    extra: Option<&'a serde_json::Map<String, serde_json::Value>>,
}

impl Problem {
    /// A refusal with its own words.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_s = matches!(code.again(), Again::Later).then_some(1);
        Self { code, detail: detail.into(), retry_after_s, allow: None, operation_id: None, extra: None }
    }

    /// Another pause than the usual second.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the operation it is about.
    #[must_use]
    pub fn about(mut self, operation_id: impl Into<CompactString>) -> Self {
        self.operation_id = Some(operation_id.into());
        self
    }

    /// Adds a member to the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extra.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// The document alone, as it is kept for an operation's result.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        let document = Document {
            r#type: format!("urn:sidegate:error:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            retry: self.code.again(),
            operation_id: self.operation_id.as_deref(),
            extra: self.extra.as_deref(),
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The whole response.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.document()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_SOURCE, HeaderValue::from_static("gateway"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.code == Code::Unauthenticated {
            headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
