//! Names of things: gateways, brokers, destinations, headers.

use std::ops::Range;

use compact_str::CompactString;

use super::Check;
use crate::problem::Problem;
use crate::read::{Given, Named, Text};

/// The longest name of a topic on Kafka, and so of a destination that fits every broker.
const DESTINATION_BYTES_MAX: usize = 249;
const NAME_BYTES_MAX: usize = 100;

/// The keys of a table of names.
pub(super) fn of<T>(table: &Named<T>) -> Vec<CompactString> {
    table.0.iter().map(|(name, _)| name.get_ref().into()).collect()
}

impl Check<'_> {
    /// A name that becomes part of queues, groups and metrics.
    pub(super) fn word(&self, text: &str, quoted: &str, span: &Range<usize>) -> Option<CompactString> {
        let is_word = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
        if !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.chars().all(is_word) {
            return Some(text.into());
        }
        let help = format!("1 to {NAME_BYTES_MAX} letters, digits, `.`, `_` and `-` make a name");
        self.cx.report(Problem::error(span.clone(), format!("{quoted} cannot be a name")).help(help));
        None
    }

    /// A name for people: of a route or consumer.
    pub(super) fn title(&self, given: &Given<Text>) -> Option<CompactString> {
        let text = &*given.value;
        let fits =
            !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
        if fits {
            return Some(text.into());
        }
        let message = format!("{} cannot be a name", given.value.quoted());
        let help = format!("write 1 to {NAME_BYTES_MAX} printable characters");
        self.cx.report(Problem::error(given.span.clone(), message).help(help));
        None
    }

    /// A topic, subject or queue without templates.
    pub(super) fn destination(&self, text: &str, given: &Given<Text>) -> Option<CompactString> {
        let complaint = match () {
            () if text.is_empty() => "a destination cannot be empty".to_owned(),
            () if text.len() > DESTINATION_BYTES_MAX => {
                format!("a destination cannot be longer than {DESTINATION_BYTES_MAX} bytes")
            }
            () => match text
                .chars()
                .find(|char| char.is_whitespace() || char.is_control() || "*>#{}".contains(*char))
            {
                Some(char) => format!("`{}` cannot stand in a destination", char.escape_debug()),
                None => return Some(text.into()),
            },
        };
        let help = "name one topic, subject or queue, as in \"orders.create\"".to_owned();
        self.cx.report(Problem::error(given.span.clone(), complaint).help(help));
        None
    }
}
