//! Every bound of the embedded broker, with its default and its name in `[broker.NAME] client`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sidegate_broker::BrokerError;

use crate::error;

/// What one queue may hold, in memory and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in bytes of body, headers and properties. Default 64 MiB.
    pub message_bytes_max: usize,
    /// Durable messages of a queue in memory at once; the rest waits in the journal. Default 4,096.
    pub window_messages_max: usize,
    /// The same in bytes; a single message may be larger. Default 16 MiB.
    pub window_bytes_max: usize,
    /// Messages of a queue that live in memory only; beyond it they are refused. Default 65,536.
    pub transient_messages_max: usize,
    /// The same in bytes; a single message may be larger. Default 64 MiB.
    pub transient_bytes_max: usize,
    /// Durable messages of a queue altogether; beyond it they are refused. Default 1,000,000.
    pub durable_messages_max: usize,
    /// Queues; beyond it messages to new destinations are refused. Queues that nobody uses and that hold nothing
    /// do not count. Default 10,000.
    pub queues_max: usize,
    /// How long a durable message that is handed out at once is kept from the journal, in milliseconds: settled by
    /// then, it is never written. 0: none is handed out before it is in the journal. Default 20.
    pub settle_before_append_ms: usize,
}

/// A publisher waits as long for its confirmation.
const SETTLE_BEFORE_APPEND_MS_MAX: usize = 1_000;
const MIB: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 64 * MIB,
            window_messages_max: 4_096,
            window_bytes_max: 16 * MIB,
            transient_messages_max: 65_536,
            transient_bytes_max: 64 * MIB,
            durable_messages_max: 1_000_000,
            queues_max: 10_000,
            settle_before_append_ms: 20,
        }
    }
}

impl Limits {
    /// The defaults, changed by options of the same names as the fields, each a whole number from 1;
    /// `settle_before_append_ms` may be 0 too, and at most 1,000.
    ///
    /// # Errors
    /// An unknown option, or a value that is not such a number.
    pub fn from_options(options: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        let mut limits = Self::default();
        for (name, value) in options {
            let field = limits.field(name).ok_or_else(|| error::unknown_option(name))?;
            *field = value
                .parse()
                .ok()
                .filter(|number| range(name).contains(number))
                .ok_or_else(|| error::bad_option(name, value, &range(name)))?;
        }
        Ok(limits)
    }

    fn field(&mut self, name: &str) -> Option<&mut usize> {
        Some(match name {
            "message_bytes_max" => &mut self.message_bytes_max,
            "window_messages_max" => &mut self.window_messages_max,
            "window_bytes_max" => &mut self.window_bytes_max,
            "transient_messages_max" => &mut self.transient_messages_max,
            "transient_bytes_max" => &mut self.transient_bytes_max,
            "durable_messages_max" => &mut self.durable_messages_max,
            "queues_max" => &mut self.queues_max,
            "settle_before_append_ms" => &mut self.settle_before_append_ms,
            _ => return None,
        })
    }
}

/// What an option may be.
fn range(name: &str) -> RangeInclusive<usize> {
    if name == "settle_before_append_ms" { 0..=SETTLE_BEFORE_APPEND_MS_MAX } else { 1..=usize::MAX }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    fn options(name: &str, value: &str) -> std::collections::BTreeMap<String, String> {
        [(name.to_owned(), value.to_owned())].into()
    }

    #[test]
    fn an_option_changes_the_limit_of_its_name() {
        let limits = Limits::from_options(&options("queues_max", "7")).expect("a known option");
        assert_eq!(limits, Limits { queues_max: 7, ..Limits::default() }, "only the named limit changes");
    }

    #[test]
    fn a_misspelt_option_and_a_value_that_is_no_limit_are_refused() {
        let unknown = Limits::from_options(&options("queue_max", "7")).expect_err("no such option");
        assert!(unknown.to_string().contains("queue_max"), "the error names the option: {unknown}");
        for value in ["0", "-1", "many"] {
            assert!(Limits::from_options(&options("queues_max", value)).is_err(), "{value} is no limit");
        }
    }

    #[test]
    fn the_wait_for_the_journal_can_be_none_and_not_for_ever() {
        let option = |value| Limits::from_options(&options("settle_before_append_ms", value));
        assert_eq!(option("0").expect("off").settle_before_append_ms, 0, "0 turns it off");
        let error = option("1001").expect_err("a publisher would wait too long");
        assert!(error.to_string().contains("1000"), "the error tells the most: {error}");
    }
}
