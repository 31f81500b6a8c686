//! Every error of this adapter in one place: kind, effect and words. Never with a password in it.

use std::time::Duration;

use lapin::protocol::AMQPError;
use sidegate_broker::{BrokerError, Effect, ErrorKind};

/// The server's reply codes that a message or a declaration brings upon itself: trying again changes nothing.
const REFUSALS: [u16; 6] = [
    402, // invalid path: the virtual host
    403, // access refused
    404, // not found
    405, // resource locked: somebody's exclusive queue
    406, // precondition failed
    530, // not allowed
];

fn not_applied(kind: ErrorKind, message: String) -> BrokerError {
    BrokerError::new(kind, Effect::NotApplied, message)
}

pub(crate) fn closed() -> BrokerError {
    not_applied(ErrorKind::Closed, "the connection to rabbitmq was closed".to_owned())
}

/// A setting that is wrong for good.
pub(crate) fn setting(message: impl Into<String>) -> BrokerError {
    not_applied(ErrorKind::Rejected, message.into())
}

pub(crate) fn unreachable(broker: &str, why: &str) -> BrokerError {
    not_applied(ErrorKind::Unreachable, format!("rabbitmq at {broker} cannot be reached: {why}"))
}

/// Known to be away, and why.
pub(crate) fn down(why: &str) -> BrokerError {
    not_applied(ErrorKind::Unreachable, why.to_owned())
}

pub(crate) fn no_answer(what: &str, limit: Duration) -> BrokerError {
    let text = format!("rabbitmq did not answer within {} ms: {what}", limit.as_millis());
    not_applied(ErrorKind::Timeout, text)
}

pub(crate) fn blocked(reason: &str) -> BrokerError {
    let text = format!("rabbitmq takes no messages at the moment ({reason}): free its memory or disk");
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn not_confirmed(message_id: &str, limit: Duration, effect: Effect) -> BrokerError {
    let text = format!("rabbitmq did not confirm message {message_id} within {} ms", limit.as_millis());
    BrokerError::new(ErrorKind::Timeout, effect, text)
}

pub(crate) fn confirm_lost(message_id: &str, why: &str) -> BrokerError {
    let text = format!("the connection ended before rabbitmq confirmed message {message_id}: {why}");
    BrokerError::new(ErrorKind::Unreachable, Effect::Unknown, text)
}

pub(crate) fn never_sent(message_id: &str) -> BrokerError {
    let text = format!("the connection ended before message {message_id} was sent");
    not_applied(ErrorKind::Unreachable, text)
}

pub(crate) fn overflow(queue: &str) -> BrokerError {
    let text = format!("queue {queue} refused a message: it holds as much as it may, or cannot store it now");
    not_applied(ErrorKind::Full, text)
}

pub(crate) fn unroutable(queue: &str, reason: &str) -> BrokerError {
    let text = format!("there is no queue {queue} to take the message: rabbitmq returned it ({reason})");
    not_applied(ErrorKind::Rejected, text)
}

pub(crate) fn too_large(what: &str, bytes: usize, max: usize) -> BrokerError {
    let text = format!("the message's {what} have {bytes} bytes, rabbitmq takes {max}");
    not_applied(ErrorKind::TooLarge, text)
}

pub(crate) fn name_too_long(what: &str, name: &str) -> BrokerError {
    let shown: String = name.chars().take(40).collect();
    let text = format!("{what} `{shown}…` has {} bytes: amqp names have at most 255", name.len());
    not_applied(ErrorKind::Rejected, text)
}

/// The delivery is the broker's again: its channel ended, or it was given back.
pub(crate) fn delivery_lost(message_id: &str, effect: Effect) -> BrokerError {
    let text =
        format!("message {message_id} is no longer held by this connection: rabbitmq delivers it again");
    BrokerError::new(ErrorKind::Closed, effect, text)
}

pub(crate) fn settle_unanswered(message_id: &str, limit: Duration) -> BrokerError {
    let text = format!("rabbitmq did not take the settling of message {message_id} within {limit:?}");
    BrokerError::new(ErrorKind::Timeout, Effect::Unknown, text)
}

/// What exists differs from what would be made; both sides are shown.
pub(crate) fn mismatch(queue: &str, there: &str, ours: &str, words: &str) -> BrokerError {
    let text = format!(
        "queue {queue} exists with other settings, which are never changed from here. there: {there}; would be made: \
         {ours}; the first difference: {words}. set create = false to use it as it is, or delete it"
    );
    not_applied(ErrorKind::Rejected, text)
}

pub(crate) fn exchange_mismatch(what: &str, words: &str) -> BrokerError {
    let text = format!(
        "{what} exists with other settings, which are never changed from here: {words}; set create = false to use it \
         as it is, or delete it"
    );
    not_applied(ErrorKind::Rejected, text)
}

pub(crate) fn absent(what: &str) -> BrokerError {
    let text = format!("{what} does not exist, and create = false: declare it, or set create = true");
    not_applied(ErrorKind::Rejected, text)
}

/// A call that has an answer of its own (open, declare, bind, consume) failed: nothing of it is relied upon.
pub(crate) fn call(what: &str, error: &lapin::Error) -> BrokerError {
    let kind = match protocol_error(error) {
        Some(refused) if is_for_good(refused) => ErrorKind::Rejected,
        _ if error.is_amqp_error() || is_connection_trouble(error) => ErrorKind::Unreachable,
        _ => ErrorKind::Unexpected,
    };
    not_applied(kind, format!("rabbitmq: cannot {what}: {}", words(error)))
}

/// The server's own words where there are any, without the client library's around them.
pub(crate) fn words(error: &lapin::Error) -> String {
    protocol_error(error).map_or_else(|| error.to_string(), |refused| refused.get_message().to_string())
}

pub(crate) fn protocol_error(error: &lapin::Error) -> Option<&AMQPError> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(refused) => Some(refused),
        _ => None,
    }
}

pub(crate) fn has_code(error: &lapin::Error, code: u16) -> bool {
    protocol_error(error).is_some_and(|refused| refused.get_id() == code && is_for_good(refused))
}

/// A queue whose node is down is "not found" too, and comes back by itself.
fn is_for_good(refused: &AMQPError) -> bool {
    REFUSALS.contains(&refused.get_id()) && !refused.get_message().as_str().contains("down or inaccessible")
}

fn is_connection_trouble(error: &lapin::Error) -> bool {
    use lapin::ErrorKind as Kind;
    error.is_io_error()
        || matches!(
            error.kind(),
            Kind::InvalidChannel(_)
                | Kind::InvalidChannelState(..)
                | Kind::InvalidConnectionState(_)
                | Kind::MissingHeartbeatError
        )
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPSoftError};
    use sidegate_broker::ErrorKind;

    use super::call;

    fn refused(kind: AMQPSoftError, text: &str) -> lapin::Error {
        lapin::ErrorKind::ProtocolError(AMQPError::new(kind.into(), text.into())).into()
    }

    #[test]
    fn what_the_server_refuses_for_good_is_told_apart_from_what_passes() {
        let denied = call("declare", &refused(AMQPSoftError::ACCESSREFUSED, "ACCESS_REFUSED - no"));
        assert_eq!(denied.kind, ErrorKind::Rejected, "a missing permission does not pass by itself");
        let text =
            "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible";
        let down = call("declare", &refused(AMQPSoftError::NOTFOUND, text));
        assert_eq!(down.kind, ErrorKind::Unreachable, "a queue whose node is down comes back");
        assert!(denied.to_string().contains("ACCESS_REFUSED"), "the server's own words are told: {denied}");
    }
}
