//! Properties of librdkafka that a config may set, and those that it may not: they would break a promise, or have a
//! better name here. Whether a property exists and takes the value, librdkafka itself says.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use sidegate_broker::BrokerError;

use crate::error::rejected;

/// Refused whatever the value: the name, and why.
const REFUSED: [(&str, &str); 34] = [
    ("bootstrap.servers", "the URL says where the brokers are"),
    ("metadata.broker.list", "the URL says where the brokers are"),
    ("security.protocol", "`kafka+tls://` in the URL and the option `user` say so"),
    ("sasl.username", "use the option `user`"),
    ("sasl.password", "use the option `password` or `password_file`"),
    ("sasl.mechanism", "use the option `sasl_mechanism`"),
    ("sasl.mechanisms", "use the option `sasl_mechanism`"),
    ("ssl.ca.location", "use the option `ca`"),
    ("ssl.certificate.location", "use the option `cert`"),
    ("ssl.key.location", "use the option `key`"),
    ("group.id", "groups have the gateway's name; use the option `group_prefix`"),
    ("group.instance.id", "replicas would fence one another off, and a restarted one would wait for itself"),
    (
        "partition.assignment.strategy",
        "all members of a group must agree, and only `cooperative-sticky` lets others go on",
    ),
    ("enable.auto.commit", "offsets would be committed before the work is done"),
    ("auto.commit.enable", "offsets would be committed before the work is done"),
    ("auto.commit.interval.ms", "nothing is committed by a timer"),
    ("enable.auto.offset.store", "offsets would be committed before the work is done"),
    ("auto.offset.reset", "commands that were sent before their consumer came would be lost"),
    ("isolation.level", "messages of aborted transactions would be delivered"),
    ("enable.partition.eof", "it only makes work here"),
    ("enable.idempotence", "a retried message would be in the log twice, or behind a later one"),
    ("acks", "a confirmed message must be at all in-sync replicas"),
    ("request.required.acks", "a confirmed message must be at all in-sync replicas"),
    ("transactional.id", "no transactions are used: a repeated message is known by its id"),
    ("enable.gapless.guarantee", "a message that timed out would end the producer"),
    ("delivery.report.only.error", "no message would ever be confirmed"),
    ("message.max.bytes", "use the option `message_bytes_max`"),
    ("partitioner", "a key's messages must stay in one partition, the one that Java's clients choose"),
    ("allow.auto.create.topics", "`create` says whether topics are made"),
    ("enable.ssl.certificate.verification", "anybody could be the broker; name its authority by `ca`"),
    ("plugin.library.paths", "nothing is loaded into the gateway"),
    ("log.queue", "log lines go to the gateway's log"),
    ("max.in.flight.requests.per.connection", "more than five would lose the order, fewer only cost time"),
    ("max.in.flight", "more than five would lose the order, fewer only cost time"),
];

/// How long librdkafka may try to get a message confirmed. Nobody waits for ever.
const MESSAGE_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1_000..=60_000;

pub(super) fn check(properties: &BTreeMap<String, String>) -> Result<(), BrokerError> {
    let mut config = ClientConfig::new();
    for (name, value) in properties {
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| refused == name) {
            return Err(rejected(format!("the property `{name}` cannot be set: {why}")));
        }
        check_timeout(name, value)?;
        config.set(name, value);
    }
    config.create_native_config().map(drop).map_err(|error| unknown(&error))
}

fn check_timeout(name: &str, value: &str) -> Result<(), BrokerError> {
    let is_timeout = matches!(name, "message.timeout.ms" | "delivery.timeout.ms");
    if is_timeout && !value.parse().is_ok_and(|ms| MESSAGE_TIMEOUT_MS.contains(&ms)) {
        let (min, max) = (MESSAGE_TIMEOUT_MS.start(), MESSAGE_TIMEOUT_MS.end());
        return Err(rejected(format!(
            "the property `{name}` must be from {min} to {max}, so that every publish ends"
        )));
    }
    Ok(())
}

/// The value is left out: it may be a secret.
fn unknown(error: &KafkaError) -> BrokerError {
    match error {
        KafkaError::ClientConfig(_, why, name, value) => {
            let why = if value.is_empty() { why.clone() } else { why.replace(value.as_str(), "…") };
            rejected(format!("librdkafka does not take the property `{name}`: {why}"))
        }
        _ => rejected("librdkafka does not take the properties of this broker"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, value: &str) -> Result<(), String> {
        check(&BTreeMap::from([(name.to_owned(), value.to_owned())])).map_err(|error| error.to_string())
    }

    #[test]
    fn what_breaks_no_promise_is_passed_on() {
        for (name, value) in [
            ("linger.ms", "5"),
            ("compression.type", "zstd"),
            ("message.timeout.ms", "20000"),
            ("client.rack", "eu-1a"),
            ("group.protocol", "consumer"),
        ] {
            assert_eq!(checked(name, value), Ok(()), "{name} is the user's to choose");
        }
    }

    #[test]
    fn what_breaks_a_promise_is_refused_with_the_reason() {
        for (name, why) in REFUSED {
            let text = checked(name, "1").expect_err("a promise would be broken");
            assert!(text.contains(name) && text.contains(why), "{text}");
        }
    }

    #[test]
    fn what_librdkafka_does_not_know_is_refused_without_the_value() {
        let text = checked("lingr.ms", "hunter2").expect_err("no such property");
        assert!(text.contains("lingr.ms") && !text.contains("hunter2"), "{text}");
        let text = checked("linger.ms", "hunter2").expect_err("no such value");
        assert!(text.contains("linger.ms") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_publish_cannot_be_made_to_wait_for_ever() {
        for value in ["0", "300000", "soon"] {
            assert!(checked("message.timeout.ms", value).is_err(), "{value} ms is not a deadline");
            assert!(checked("delivery.timeout.ms", value).is_err(), "the same by its other name");
        }
    }
}
