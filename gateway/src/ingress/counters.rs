//! What happens to connections, in numbers that the admin plane reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a connection took too long for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// Connected, and silent.
    FirstByte,
    /// The headers began and did not end.
    Header,
    /// No further request; the everyday end of a kept connection.
    Idle,
    /// The client does not read its answer.
    Write,
}

/// The numbers of one listener.
#[derive(Debug, Default)]
pub struct Counters {
    open: AtomicU64,
    accepted: AtomicU64,
    timed_out: [AtomicU64; Timeout::ALL.len()],
    refused: AtomicU64,
    accept_errors: AtomicU64,
    panics: AtomicU64,
}

/// An open connection, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<Counters>);

impl Timeout {
    /// Every kind, for metrics.
    pub const ALL: [Self; 4] = [Self::FirstByte, Self::Header, Self::Idle, Self::Write];

    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstByte => "first_byte",
            Self::Header => "header",
            Self::Idle => "idle",
            Self::Write => "write",
        }
    }
}

impl Counters {
    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed because they took too long.
    #[must_use]
    pub fn timed_out(&self, kind: Timeout) -> u64 {
        self.timed_out[kind as usize].load(Ordering::Relaxed)
    }

    /// Connections closed because what they sent is not HTTP, or its headers are too large.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Failures to accept, such as too many open files.
    #[must_use]
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Ordering::Relaxed)
    }

    /// Requests whose handler panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(super) fn count_accepted(self: &Arc<Self>) -> Counted {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    pub(super) fn count_timed_out(&self, kind: Timeout) {
        self.timed_out[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
