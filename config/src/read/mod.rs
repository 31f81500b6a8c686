//! From a spanned TOML document to typed values, every mistake told and none of them the end of the reading.
//!
//! Deserialising with serde would stop at the first mistake of each table, so the document is read by hand; the
//! [`table!`] macro keeps that to one declaration per table, from which reader and JSON Schema both come. What a
//! value means for another one is not decided here: that is `validate`.

pub(crate) mod choice;
mod collection;
mod expand;
mod scalar;
mod similar;
mod table;
mod text;
mod units;

use std::cell::RefCell;
use std::ops::Range;

use serde_json::Value;
use toml::de::DeValue;

pub(crate) use choice::choice;
pub(crate) use collection::Named;
pub(crate) use similar::{closest, hint, list};
pub(crate) use table::{DOCUMENT, Reader, Schema, at_most_one, table};
pub(crate) use text::Text;
pub(crate) use units::{Duration, Size};

use crate::problem::{Level, Problem};

/// A value of the document and where it stands.
pub(crate) type Node<'d> = toml::Spanned<DeValue<'d>>;

/// Something that can be read from a value of the document.
pub(crate) trait Read: Sized {
    /// Reads it; `None` when it cannot be, which was reported then.
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self>;

    /// The JSON Schema of what can be read.
    fn schema() -> Value;
}

/// How a default looks in a config.
pub(crate) trait Show {
    fn show(&self) -> Value;
}

/// What reading and validating share: the text, the environment, and where findings are collected.
pub(crate) struct Context<'a> {
    source: &'a str,
    environment: &'a dyn Fn(&str) -> Option<String>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(source: &'a str, environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { source, environment, problems: RefCell::default() }
    }

    pub(crate) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether anything was reported that makes the config unusable.
    pub(crate) fn has_errors(&self) -> bool {
        self.problems.borrow().iter().any(|problem| problem.level() == Level::Error)
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The place of a part of a string value; of the whole value where escapes or variables moved its bytes.
    pub(crate) fn part(&self, span: &Range<usize>, text: &str, part: Range<usize>) -> Range<usize> {
        let Some(raw) = self.source.get(span.clone()) else { return span.clone() };
        let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| raw.starts_with(quotes));
        let opening = quotes.map_or(0, str::len);
        let inner = raw.get(opening..raw.len().saturating_sub(opening));
        if inner == Some(text) && part.end <= text.len() {
            let start = span.start + opening;
            return start + part.start..start + part.end;
        }
        span.clone()
    }

    fn wrong_type(&self, node: &Node<'_>, expected: &str, help: Option<&str>) {
        let found = match node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("expected {expected}, found {found}");
        self.report(Problem::error(node.span(), message).help(help.map(str::to_owned)));
    }
}

/// A value that the user wrote.
#[derive(Debug, Clone)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
    /// Where its key stands.
    pub(crate) key: Range<usize>,
}

/// What became of one key of a table.
#[derive(Debug, Clone, Default)]
pub(crate) enum Field<T> {
    /// The user wrote it.
    Given(Given<T>),
    /// The user did not, and it has a default.
    Default(T),
    /// The user did not, and it may be left out.
    #[default]
    Absent,
    /// The user wrote something that was reported.
    Invalid,
}

impl<T> Field<T> {
    /// What the user wrote.
    pub(crate) fn given(&self) -> Option<&Given<T>> {
        match self {
            Self::Given(given) => Some(given),
            _ => None,
        }
    }

    /// What holds: the user's value or the default.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Given(given) => Some(&given.value),
            Self::Default(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Whether the key is in the file, valid or not.
    pub(crate) fn is_written(&self) -> bool {
        matches!(self, Self::Given(_) | Self::Invalid)
    }
}
