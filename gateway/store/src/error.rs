//! Why a store refused.

use std::error::Error;
use std::fmt;

/// A refused or failed store call. A write that returned an error did not happen.
#[derive(Debug)]
pub struct StoreError {
    /// What kind of trouble.
    pub kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of trouble; decides the status a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// No room on the disk. Passes when there is room again: 507.
    DiskFull,
    /// As many requests wait for the broker as may: 503.
    PendingFull,
    /// More writes are queued than the store takes: 503.
    Overloaded,
    /// The store was closed, or its writer ended.
    Closed,
    /// This replica's lease was taken over: its writes count no more.
    Fenced,
    /// The database does not hold what it must, or another program changed it.
    Corrupt,
    /// It cannot be opened: the message says why and what to do.
    CannotOpen,
    /// Anything else.
    Unexpected,
}

impl StoreError {
    /// An error with its own words: what happened, to what, and what to do.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// The words that every store uses alike.
impl StoreError {
    pub(crate) fn pending_full(pending_max: u64) -> Self {
        let message = format!(
            "cannot accept: {pending_max} requests wait for the broker, as many as may; ask again when it has taken some"
        );
        Self::new(StoreErrorKind::PendingFull, message)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
