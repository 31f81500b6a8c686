//! Every error of the NATS adapter in one place: kind, effect and words. No text holds a password, a token or a key.

use std::time::Duration;

use async_nats::client::{PublishError, PublishErrorKind};
use sidegate_broker::{BrokerError, Effect, ErrorKind};

use crate::api::Refusal;

pub(crate) fn not_applied(kind: ErrorKind, text: impl Into<String>) -> BrokerError {
    BrokerError::new(kind, Effect::NotApplied, text)
}

pub(crate) fn unknown(kind: ErrorKind, text: impl Into<String>) -> BrokerError {
    BrokerError::new(kind, Effect::Unknown, text)
}

pub(crate) fn rejected(text: impl Into<String>) -> BrokerError {
    not_applied(ErrorKind::Rejected, text)
}

pub(crate) fn closed() -> BrokerError {
    not_applied(ErrorKind::Closed, "the connection to NATS was closed")
}

/// A delivery that the server does not know of any more; what is still in the stream comes again.
pub(crate) fn forgotten() -> BrokerError {
    not_applied(ErrorKind::Closed, "the NATS server does not know of this delivery any more")
}

/// Nothing was written.
pub(crate) fn unreachable(place: &str, cause: Option<&str>) -> BrokerError {
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    not_applied(ErrorKind::Unreachable, format!("there is no connection to NATS at {place}{cause}"))
}

/// Written, and then the connection was lost.
pub(crate) fn lost(place: &str) -> BrokerError {
    let text = format!("the connection to NATS at {place} was lost before it answered");
    unknown(ErrorKind::Unreachable, text)
}

/// Written, and no answer came.
pub(crate) fn no_answer(place: &str, waited: Duration) -> BrokerError {
    unknown(ErrorKind::Timeout, format!("NATS at {place} gave no answer within {} ms", waited.as_millis()))
}

/// The client's queue of commands had no room: nothing was written.
pub(crate) fn not_written(place: &str, waited: Duration) -> BrokerError {
    let text = format!("NATS at {place} took nothing within {} ms", waited.as_millis());
    not_applied(ErrorKind::Timeout, text)
}

/// The client library refused before it wrote anything.
pub(crate) fn not_sent(error: PublishError, bytes_max: usize) -> BrokerError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            let text = format!(
                "the message is larger than the {bytes_max} bytes that the server takes with its headers: raise \
                 max_payload in the server's config"
            );
            not_applied(ErrorKind::TooLarge, text)
        }
        PublishErrorKind::InvalidSubject => rejected("the destination is no NATS subject"),
        PublishErrorKind::Send => closed(),
    }
    .with_source(error)
}

pub(crate) fn bad_subject(subject: &str) -> BrokerError {
    rejected(format!(
        "`{subject}` is no destination on NATS: it takes words of visible characters without `*` and `>`, joined by \
         single dots"
    ))
}

pub(crate) fn bad_header(name: &str) -> BrokerError {
    rejected(format!(
        "`{name}` cannot be a header on NATS: a name takes visible ASCII characters without `:`"
    ))
}

/// JetStream answered a message with a refusal: it is not stored.
pub(crate) fn not_stored(subject: &str, refusal: &Refusal) -> BrokerError {
    let text = format!("JetStream did not take a message for `{subject}`: {refusal}");
    not_applied(kind_of(refusal), text)
}

/// JetStream refused something of its API.
pub(crate) fn refused(what: &str, refusal: &Refusal) -> BrokerError {
    not_applied(kind_of(refusal), format!("JetStream refused to {what}: {refusal}"))
}

pub(crate) fn no_jetstream(place: &str) -> BrokerError {
    let text = format!(
        "JetStream does not answer at {place}: start nats-server with JetStream (`--jetstream`, or `jetstream {{ \
         store_dir: … }}` in its config), and allow it for this account"
    );
    not_applied(ErrorKind::Unreachable, text)
}

/// Whoever asked is gone.
pub(crate) fn nobody_there(subject: &str) -> BrokerError {
    rejected(format!("nobody listens at `{subject}` any more: the answer has nowhere to go"))
}

pub(crate) fn consumer_gone() -> BrokerError {
    let text = "the consumer that this message came from was deleted: whoever made it again gets the message";
    not_applied(ErrorKind::Closed, text)
}

pub(crate) fn malformed(what: &str, error: serde_json::Error) -> BrokerError {
    unknown(ErrorKind::Unexpected, format!("JetStream's answer to {what} cannot be read")).with_source(error)
}

/// By JetStream's own error codes, which are part of its API.
fn kind_of(refusal: &Refusal) -> ErrorKind {
    const MESSAGE_TOO_LARGE: u16 = 10_054;
    /// "maximum messages exceeded", "maximum bytes exceeded".
    const STORE_FAILED: u16 = 10_077;
    /// Out of the account's or the server's storage, memory or streams.
    const OUT_OF_ROOM: [u16; 7] = [10_002, 10_023, 10_026, 10_027, 10_028, 10_047, 10_161];
    match (refusal.err_code, refusal.code) {
        (MESSAGE_TOO_LARGE, _) => ErrorKind::TooLarge,
        (STORE_FAILED, _) => ErrorKind::Full,
        (code, _) if OUT_OF_ROOM.contains(&code) => ErrorKind::Full,
        (_, 503 | 408) => ErrorKind::Unreachable,
        (_, 400..500) => ErrorKind::Rejected,
        _ => ErrorKind::Unexpected,
    }
}
