//! The names on the wire, HTTP and messages alike: each is written once, here.

use http::HeaderName;

/// The operation's id, on answers and on calls to services.
pub const OPERATION_ID: HeaderName = HeaderName::from_static("operation-id");
/// The business's own name of an operation.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");
/// How an operation ended, on its result.
pub const OPERATION_STATUS: HeaderName = HeaderName::from_static("operation-status");
/// Makes a repeat a repeat (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// RFC 7240.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// RFC 7240: which preferences were followed.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Where a client wants to be called back.
pub const CALLBACK_URL: HeaderName = HeaderName::from_static("callback-url");
/// Where a service may tell the outcome later.
pub const OUTCOME_URL: HeaderName = HeaderName::from_static("outcome-url");
/// The HTTP status of an outcome that a worker tells over HTTP.
pub const SIDEGATE_STATUS: HeaderName = HeaderName::from_static("sidegate-status");
/// W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Message headers of Sidegate's own.
pub mod message {
    /// The operation's id; absent where there is no record.
    pub const OPERATION: &str = "sidegate-operation";
    /// The business's own name of the operation.
    pub const CORRELATION: &str = "sidegate-correlation";
    /// The method of the request.
    pub const METHOD: &str = "sidegate-method";
    /// The path of the request, with its query.
    pub const PATH: &str = "sidegate-path";
    /// Unix milliseconds after which nobody waits for the answer.
    pub const DEADLINE: &str = "sidegate-deadline";
    /// On a reply: the HTTP status of the answer; absent means 200.
    pub const STATUS: &str = "sidegate-status";
    /// On a reply between gateways: not the answer, but how far it got.
    pub const PROGRESS: &str = "sidegate-progress";
    /// A service has begun and will answer later.
    pub const RUNNING: &str = "running";
    /// Attempts ran out, and an operator is to decide.
    pub const PARKED: &str = "parked";
    /// An operator gave a parked message another go.
    pub const RESUMED: &str = "resumed";
    /// The message came after its deadline and was not executed.
    pub const EXPIRED: &str = "expired";
    /// The broker knows that nobody listens at the destination: nothing was executed.
    pub const UNDELIVERED: &str = "undelivered";
    /// `false`: the asker keeps no record and asks again by itself; the consumer keeps none either.
    pub const DURABLE: &str = "sidegate-durable";
    /// On a redriven message: the key that the service saw the first time.
    pub const IDEMPOTENCY_KEY: &str = "sidegate-idempotency-key";
    /// Every name that is the gateways' own business and never an HTTP header.
    pub const ALL: [&str; 9] =
        [OPERATION, CORRELATION, METHOD, PATH, DEADLINE, STATUS, PROGRESS, DURABLE, IDEMPOTENCY_KEY];
}

/// Headers that carry a request's meaning and so travel over a broker by default.
pub const TRAVELLING: [&str; 8] = [
    "content-type",
    "content-encoding",
    "content-language",
    "accept",
    "accept-language",
    "traceparent",
    "tracestate",
    "baggage",
];
