//! From librdkafka's codes to the port's errors. The one question that matters: may it have happened all the same?

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use sidegate_broker::{BrokerError, Effect, ErrorKind};

/// It certainly did not happen.
pub(crate) fn not_applied(kind: ErrorKind, text: impl Into<String>) -> BrokerError {
    BrokerError::new(kind, Effect::NotApplied, text)
}

/// Wrong for good.
pub(crate) fn rejected(text: impl Into<String>) -> BrokerError {
    not_applied(ErrorKind::Rejected, text)
}

/// The adapter was closed.
pub(crate) fn closed() -> BrokerError {
    not_applied(ErrorKind::Closed, "the connection to kafka was closed")
}

/// The partition went to somebody else, or its consumer has ended.
pub(crate) fn lost(topic: &str, partition: i32) -> BrokerError {
    not_applied(
        ErrorKind::Closed,
        format!(
            "partition {partition} of topic `{topic}` is not read here any more: the message comes again"
        ),
    )
}

/// What came of a record that was handed to librdkafka.
pub(crate) fn not_delivered(topic: &str, error: &KafkaError) -> BrokerError {
    let code = error.rdkafka_error_code();
    let (kind, effect) = code.map_or((ErrorKind::Unexpected, Effect::Unknown), fate_of_record);
    let text = format!("kafka did not confirm a message to topic `{topic}`: {}", reason(error));
    BrokerError::new(kind, effect, text)
}

/// A question to the cluster that changes nothing, or whose change is safe to repeat.
pub(crate) fn not_answered(what: &str, error: &KafkaError) -> BrokerError {
    let kind = code_of(error).map_or(ErrorKind::Unexpected, kind_of_question);
    not_applied(kind, format!("{what}: {}", reason(error)))
}

/// The code of any error that has one; `rdkafka_error_code` leaves out those of admin requests.
pub(crate) fn code_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// What happened, without the names of rust-rdkafka's types.
pub(crate) fn reason(error: &KafkaError) -> String {
    code_of(error).map_or_else(|| error.to_string(), |code| code.to_string())
}

fn fate_of_record(code: Code) -> (ErrorKind, Effect) {
    match code {
        Code::QueueFull => (ErrorKind::Full, Effect::NotApplied),
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            (ErrorKind::TooLarge, Effect::NotApplied)
        }
        Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::PolicyViolation
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::UnsupportedCompressionType => (ErrorKind::Rejected, Effect::NotApplied),
        Code::NotEnoughReplicas => (ErrorKind::Unreachable, Effect::NotApplied),
        Code::PurgeQueue => (ErrorKind::Closed, Effect::NotApplied),
        Code::PurgeInflight => (ErrorKind::Closed, Effect::Unknown),
        Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut => {
            (ErrorKind::Timeout, Effect::Unknown)
        }
        // Also what is fatal to an idempotent producer: the next one takes the message again.
        _ => (ErrorKind::Unreachable, Effect::Unknown),
    }
}

fn kind_of_question(code: Code) -> ErrorKind {
    match code {
        Code::OperationTimedOut | Code::RequestTimedOut | Code::TimedOutQueue => ErrorKind::Timeout,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::PolicyViolation
        | Code::InvalidTopic
        | Code::InvalidConfig
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InconsistentGroupProtocol
        | Code::InvalidSessionTimeout
        | Code::UnsupportedVersion => ErrorKind::Rejected,
        _ => ErrorKind::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(code: Code) -> (ErrorKind, Effect) {
        let error = not_delivered("orders", &KafkaError::MessageProduction(code));
        (error.kind, error.effect)
    }

    #[test]
    fn what_the_broker_may_have_taken_is_of_unknown_effect() {
        for code in [Code::MessageTimedOut, Code::BrokerTransportFailure, Code::NotEnoughReplicasAfterAppend]
        {
            assert_eq!(fate(code).1, Effect::Unknown, "{code:?}: the record may be in the log");
        }
        assert_eq!(fate(Code::PurgeInflight), (ErrorKind::Closed, Effect::Unknown), "it was on its way");
    }

    #[test]
    fn what_never_left_or_was_refused_is_certainly_not_there() {
        assert_eq!(fate(Code::QueueFull), (ErrorKind::Full, Effect::NotApplied));
        assert_eq!(fate(Code::MessageSizeTooLarge), (ErrorKind::TooLarge, Effect::NotApplied));
        assert_eq!(fate(Code::UnknownTopicOrPartition), (ErrorKind::Rejected, Effect::NotApplied));
        assert_eq!(fate(Code::NotEnoughReplicas), (ErrorKind::Unreachable, Effect::NotApplied));
    }

    #[test]
    fn a_fatal_error_passes_by_itself_because_the_producer_is_replaced() {
        let error = not_delivered("orders", &KafkaError::MessageProduction(Code::OutOfOrderSequenceNumber));
        assert!(error.passes_by_itself(), "a new producer takes the message: {error}");
    }
}
