//! What is wrong with a config, each finding with its place in the file. Collected, never thrown: a user sees all of
//! them at once.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use crate::place::Place;
use crate::render;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The config cannot be used.
    Error,
    /// It can, but an operator should know.
    Warning,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    level: Level,
    message: String,
    span: Option<Range<usize>>,
    help: Option<String>,
    related: Vec<(Range<usize>, String)>,
}

impl Problem {
    pub(crate) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            span: Some(span),
            help: None,
            related: Vec::new(),
        }
    }

    pub(crate) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(span, message) }
    }

    /// One that concerns the file as a whole.
    pub(crate) fn of_file(message: impl Into<String>) -> Self {
        Self { span: None, ..Self::error(0..0, message) }
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// Another place that has to do with it.
    pub(crate) fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// How bad it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What is wrong, lower case, no full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The bytes of the file that it is about; `None` when it is about the file as a whole.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    pub(crate) fn related(&self) -> &[(Range<usize>, String)] {
        &self.related
    }
}

/// The findings of one config file, in the order of their places, and what is needed to show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: String,
    source: String,
    list: Vec<Problem>,
}

impl Problems {
    /// `source` is shown to people: secrets must be out of it already.
    pub(crate) fn new(file: &str, source: String, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.span.clone().map_or(0, |span| span.start));
        Self { file: file.to_owned(), source, list }
    }

    /// These and others of the same file.
    pub(crate) fn and(self, others: Vec<Problem>) -> Self {
        let list = self.list.into_iter().chain(others).collect();
        Self::new(&self.file, self.source, list)
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// One after the other, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// All of them for people: message, `--> FILE:LINE:COLUMN`, the source line with a caret, a hint.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        render::all(&self.file, &self.source, &self.list, color)
    }

    /// All of them for scripts: a list of `level`, `message`, `file`, `line`, `column` (from 1), `help`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.list.iter().map(|problem| self.one_to_json(problem)).collect()
    }

    fn one_to_json(&self, problem: &Problem) -> Value {
        let place = Place::of(&self.source, problem.span.clone().map_or(0, |span| span.start));
        json!({
            "level": problem.level.word(),
            "message": problem.message,
            "file": self.file,
            "line": place.line,
            "column": place.column,
            "help": problem.help,
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
