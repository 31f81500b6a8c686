//! Every error of the embedded broker in one place: kind, effect and words.

use std::ops::RangeInclusive;
use std::sync::Arc;

use sidegate_broker::{BrokerError, Effect, ErrorKind};

use crate::limits::Limits;

fn not_applied(kind: ErrorKind, message: String) -> BrokerError {
    BrokerError::new(kind, Effect::NotApplied, message)
}

pub(crate) fn closed() -> BrokerError {
    not_applied(ErrorKind::Closed, "the connection to the embedded broker was closed".to_owned())
}

pub(crate) fn claim_lost(message_id: &str) -> BrokerError {
    let text = format!("message {message_id} was released when its connection closed: it is delivered again");
    not_applied(ErrorKind::Closed, text)
}

pub(crate) fn too_large(bytes: usize, limits: &Limits) -> BrokerError {
    let max = limits.message_bytes_max;
    let text =
        format!("the message has {bytes} bytes, the embedded broker takes {max}: raise message_bytes_max");
    not_applied(ErrorKind::TooLarge, text)
}

pub(crate) fn durable_full(queue: &str, limits: &Limits) -> BrokerError {
    let max = limits.durable_messages_max;
    let text = format!(
        "queue {queue} holds {max} durable messages, as many as it may: start or speed up its consumers"
    );
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn transient_full(queue: &str) -> BrokerError {
    let text =
        format!("queue {queue} holds as many messages in memory as it may: start or speed up its consumers");
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn would_overtake(queue: &str) -> BrokerError {
    let text = format!(
        "queue {queue} has durable messages waiting beyond its memory, and a message of a key that is not durable \
         would overtake them: send it durable, or wait for the consumers"
    );
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn journal_busy(max: usize) -> BrokerError {
    not_applied(ErrorKind::Full, format!("{max} messages wait for the journal already: try again later"))
}

pub(crate) fn too_many_queues(queue: &str, max: usize) -> BrokerError {
    let text = format!(
        "queue {queue} would be one more than the {max} that the embedded broker keeps: use fewer destinations, or \
         raise queues_max"
    );
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn unknown_option(name: &str) -> BrokerError {
    let text = format!("the embedded broker has no option `{name}`: see its limits in docs/adapters.md");
    not_applied(ErrorKind::Rejected, text)
}

pub(crate) fn bad_option(name: &str, value: &str, range: &RangeInclusive<usize>) -> BrokerError {
    let takes = match (range.start(), range.end()) {
        (first, &usize::MAX) => format!("a whole number from {first}"),
        (first, last) => format!("a whole number from {first} to {last}"),
    };
    not_applied(ErrorKind::Rejected, format!("option `{name}` is `{value}`: it takes {takes}"))
}

/// The journal refused a batch: the same reason for each message in it.
pub(crate) fn not_journaled(cause: &Arc<BrokerError>) -> BrokerError {
    let text = format!("the message could not be stored: {cause}");
    BrokerError::new(cause.kind, cause.effect, text).with_source(Arc::clone(cause))
}

/// The journal refused a message that a consumer had in hand already.
pub(crate) fn seen_all_the_same(cause: &Arc<BrokerError>) -> BrokerError {
    let text = format!("{cause}; it was handed out before, and may be done all the same");
    BrokerError::new(cause.kind, Effect::Unknown, text).with_source(Arc::clone(cause))
}

/// The journal broke its contract, or the task that writes to it ended before it had an answer.
pub(crate) fn journal_broken(what: &str) -> BrokerError {
    BrokerError::new(ErrorKind::Unexpected, Effect::Unknown, format!("the embedded broker's journal {what}"))
}
