//! What can go wrong at a broker, and whether it may have happened all the same.

use std::error::Error;
use std::fmt;

/// A failed broker call.
#[derive(Debug)]
pub struct BrokerError {
    /// What kind of trouble.
    pub kind: ErrorKind,
    /// Whether the broker may have acted.
    pub effect: Effect,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of trouble; decides what the gateway tells and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection. Passes by itself.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The broker holds as much as it may. Passes when consumers catch up.
    Full,
    /// The broker said no, and would again.
    Rejected,
    /// The message is larger than the broker takes.
    TooLarge,
    /// The adapter was closed.
    Closed,
    /// Anything else: a bug, or a broker that breaks its protocol.
    Unexpected,
}

/// Whether a failed call may have taken effect: the question that decides who may try again, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It certainly did not happen: trying again is safe.
    NotApplied,
    /// It may have happened: try again only under the same message id.
    Unknown,
}

impl BrokerError {
    /// An error with its own words: what happened, to what.
    pub fn new(kind: ErrorKind, effect: Effect, message: impl Into<String>) -> Self {
        Self { kind, effect, message: message.into(), source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether the same call can succeed later without anybody changing anything.
    #[must_use]
    pub const fn passes_by_itself(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Full)
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for BrokerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
