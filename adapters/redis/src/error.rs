//! Every error of the adapter in one place: kind, effect and words. None of them quotes a URL or a password.

use redis::{ErrorKind as Cause, RedisError};
use sidegate_broker::{BrokerError, Effect, ErrorKind};

/// What is wrong for good, before anything was asked of Redis.
pub(crate) fn rejected(text: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::Rejected, Effect::NotApplied, text)
}

pub(crate) fn closed() -> BrokerError {
    BrokerError::new(ErrorKind::Closed, Effect::NotApplied, "the connection to Redis was closed")
}

/// Nothing was written: there is no connection.
pub(crate) fn unreachable(host: &str, why: &str) -> BrokerError {
    let text = format!("Redis at {host} cannot be reached: {why}");
    BrokerError::new(ErrorKind::Unreachable, Effect::NotApplied, text)
}

pub(crate) fn too_large(bytes: usize, bytes_max: usize) -> BrokerError {
    let text = format!("the message has {bytes} bytes and {bytes_max} are taken: raise message_bytes_max");
    BrokerError::new(ErrorKind::TooLarge, Effect::NotApplied, text)
}

pub(crate) fn full(stream: &str, messages_max: usize) -> BrokerError {
    let text = format!(
        "stream {stream} holds {messages_max} messages, as many as stream_messages_max lets it: start or speed up \
         its consumers"
    );
    BrokerError::new(ErrorKind::Full, Effect::NotApplied, text)
}

pub(crate) fn absent(stream: &str) -> BrokerError {
    rejected(format!("there is no stream {stream}, and it is not made: create it, or set `create = true`"))
}

pub(crate) fn no_group(group: &str, stream: &str) -> BrokerError {
    rejected(format!(
        "stream {stream} has no consumer group {group}, and it is not made: run `XGROUP CREATE {stream} {group} 0 \
         MKSTREAM`, or set `create = true`"
    ))
}

pub(crate) fn not_a_stream(key: &str, found: &str) -> BrokerError {
    rejected(format!(
        "key {key} holds a {found}, and Sidegate needs a stream there: use another destination, or delete the key"
    ))
}

/// What Redis, or the way to it, answered. A refusal changed nothing; a lost connection tells nothing.
pub(crate) fn failed(action: &str, error: RedisError) -> BrokerError {
    let (kind, effect) = verdict(&error);
    BrokerError::new(kind, effect, format!("{action} failed: {error}")).with_source(error)
}

fn verdict(error: &RedisError) -> (ErrorKind, Effect) {
    match error.kind() {
        _ if error.is_timeout() => (ErrorKind::Timeout, Effect::Unknown),
        Cause::Io | Cause::Parse => (ErrorKind::Unreachable, Effect::Unknown),
        Cause::Server(_) | Cause::Extension => (refusal(error), Effect::NotApplied),
        Cause::AuthenticationFailed | Cause::InvalidClientConfig => (ErrorKind::Rejected, Effect::NotApplied),
        _ => (ErrorKind::Unexpected, Effect::Unknown),
    }
}

/// By Redis's own word for it; of a transaction, the first command's.
fn refusal(error: &RedisError) -> ErrorKind {
    let inner = error.clone().into_server_errors();
    let first = inner.as_deref().and_then(<[_]>::first).map(|(_, error)| error.code());
    match first.or_else(|| error.code()) {
        Some("OOM") => ErrorKind::Full,
        // It starts, it is no leader at the moment, it cannot write its disk, or a script holds it.
        Some("LOADING" | "MASTERDOWN" | "READONLY" | "MISCONF" | "NOREPLICAS" | "BUSY" | "TRYAGAIN") => {
            ErrorKind::Unreachable
        }
        Some("ERR") if error.to_string().contains("bulk length") => ErrorKind::TooLarge,
        _ => ErrorKind::Rejected,
    }
}

/// Whether Redis said this word.
pub(crate) fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code)
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{RedisError, make_extension_error};
    use sidegate_broker::{Effect, ErrorKind};

    use super::failed;

    #[test]
    fn a_refusal_changed_nothing_and_a_lost_connection_may_have() {
        let refused = |code: &str| failed("adding", make_extension_error(code.to_owned(), None));
        for (code, kind) in [
            ("OOM", ErrorKind::Full),
            ("MISCONF", ErrorKind::Unreachable),
            ("WRONGTYPE", ErrorKind::Rejected),
        ] {
            let error = refused(code);
            assert_eq!((error.kind, error.effect), (kind, Effect::NotApplied), "{code}: {error}");
        }
        for (cause, kind) in [
            (io::ErrorKind::BrokenPipe, ErrorKind::Unreachable),
            (io::ErrorKind::TimedOut, ErrorKind::Timeout),
        ] {
            let error = failed("adding", RedisError::from(io::Error::from(cause)));
            assert_eq!((error.kind, error.effect), (kind, Effect::Unknown), "the answer is what was lost");
        }
    }
}
