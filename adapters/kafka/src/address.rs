//! Where replies go. All replicas of a gateway share one reply topic, and each owns one of its partitions.
//!
//! The gateway names the place `sidegate.replies.{gateway}.{replica}`. On the wire that is the topic
//! `sidegate.replies.{gateway}` and, beside it, a partition that the replica's name stands for. A replica reads the whole
//! topic, since a worker may ignore the partition; a reply that was written for another's partition is skipped.
//! Any other place is a topic, as foreign askers have it.
//!
//! Handed up, a place with a partition is `topic#3`: `#` is in no topic's name, so that it can be told apart when the
//! reply is published later, maybe by another process.

use compact_str::{CompactString, format_compact};
use sidegate_broker::BrokerError;

use crate::error::rejected;

const NAME_BYTES_MAX: usize = 249;

/// How the place of a gateway begins.
const REPLIES: &str = "sidegate.replies.";

/// A topic and maybe one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) topic: CompactString,
    pub(crate) partition: Option<i32>,
}

/// Where a replica gets its replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyPlace {
    /// A partition of the gateway's reply topic.
    Shared { topic: CompactString, replica: CompactString },
    /// All of a topic, or a place that somebody else named.
    Other(Address),
}

impl ReplyPlace {
    /// What a place means. A replica's name has no dot in it.
    pub(crate) fn of(place: &str) -> Self {
        let address = Address::parse(place);
        let is_ours = address.partition.is_none() && place.starts_with(REPLIES);
        match place
            .rsplit_once('.')
            .filter(|(topic, replica)| is_ours && topic.len() >= REPLIES.len() && !replica.is_empty())
        {
            Some((topic, replica)) => Self::Shared { topic: topic.into(), replica: replica.into() },
            None => Self::Other(address),
        }
    }

    pub(crate) fn topic(&self) -> &CompactString {
        match self {
            Self::Shared { topic, .. } => topic,
            Self::Other(address) => &address.topic,
        }
    }

    /// The address on the wire, when its topic has so many partitions.
    pub(crate) fn address(&self, partitions: i32) -> Address {
        match self {
            Self::Shared { topic, replica } => {
                Address { topic: topic.clone(), partition: Some(partition_of(replica, partitions)) }
            }
            Self::Other(address) => address.clone(),
        }
    }
}

impl Address {
    /// `topic` or `topic#3`.
    pub(crate) fn parse(place: &str) -> Self {
        let split = place.rsplit_once('#');
        match split.map(|(topic, partition)| (topic, parse_partition(partition.as_bytes()))) {
            Some((topic, partition @ Some(_))) => Self { topic: topic.into(), partition },
            _ => Self { topic: place.into(), partition: None },
        }
    }

    /// The same in one word.
    pub(crate) fn folded(&self) -> CompactString {
        match self.partition {
            Some(partition) => format_compact!("{}#{partition}", self.topic),
            None => self.topic.clone(),
        }
    }
}

/// Digits and nothing else.
pub(crate) fn parse_partition(text: &[u8]) -> Option<i32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

/// The same for a name and a number on every machine and in every version.
fn partition_of(replica: &str, partitions: i32) -> i32 {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = replica.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    i32::try_from(hash % partitions.max(1).unsigned_abs()).unwrap_or_default()
}

/// Kafka takes `a-z A-Z 0-9 . _ -`, up to 249 of them.
pub(crate) fn check_topic(name: &str) -> Result<(), BrokerError> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let why = match name {
        "" => "it is empty",
        "." | ".." => "it is taken",
        _ if name.len() > NAME_BYTES_MAX => "it is longer than 249 characters",
        _ if !name.chars().all(is_legal) => "only a-z, A-Z, 0-9, `.`, `_` and `-` may stand in it",
        _ => return Ok(()),
    };
    Err(rejected(format!("`{name}` cannot be the name of a topic: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_a_topic_and_each_has_its_partition() {
        let place = ReplyPlace::of("sidegate.replies.orders.a1b2");
        let address = place.address(6);
        assert_eq!(address.topic, "sidegate.replies.orders", "one topic for all replicas");
        let dotted = ReplyPlace::of("sidegate.replies.eu.orders.a1b2");
        assert_eq!(dotted.topic(), "sidegate.replies.eu.orders", "a gateway's name may have dots");
        assert!(address.partition.is_some_and(|partition| (0..6).contains(&partition)), "{address:?}");
        assert_eq!(
            address,
            ReplyPlace::of("sidegate.replies.orders.a1b2").address(6),
            "the same after a restart"
        );
        let partitions: std::collections::BTreeSet<_> =
            (0..64).map(|n| partition_of(&format!("replica-{n}"), 6)).collect();
        assert_eq!(partitions.len(), 6, "replicas spread over all partitions");
    }

    #[test]
    fn any_other_place_is_as_it_was_named() {
        for place in ["answers", "my.answers", "sidegate.replies.orders", "sidegate.replies.orders."] {
            let address = ReplyPlace::of(place).address(6);
            assert_eq!((address.topic.as_str(), address.partition), (place, None));
        }
        let folded = ReplyPlace::of("sidegate.replies.eu.orders#3").address(6);
        let known = Address { topic: "sidegate.replies.eu.orders".into(), partition: Some(3) };
        assert_eq!(folded, known, "a parked message's place is on the wire already");
    }

    #[test]
    fn a_partition_is_folded_into_the_place_and_comes_out_again() {
        for place in ["answers", "answers#0", "answers#17"] {
            assert_eq!(Address::parse(place).folded(), place);
        }
        for odd in ["answers#", "answers#-1", "answers#x", "answers#+3", "#answers"] {
            assert_eq!(Address::parse(odd).partition, None, "{odd} names no partition");
        }
    }

    #[test]
    fn a_name_that_kafka_does_not_take_is_refused_with_the_reason() {
        assert!(check_topic("orders.create_2-x").is_ok());
        for name in ["", "..", "a b", "straße", "a/b", &"x".repeat(250)] {
            let error = check_topic(name).expect_err("kafka does not take it");
            assert!(error.to_string().contains("cannot be the name of a topic"), "{error}");
        }
    }
}
