//! A moment, as every record and message of Sidegate writes it: milliseconds since the Unix epoch.
//!
//! Wall-clock time, because deadlines outlive the process that set them. Rendering as RFC 3339 is the edge's work.

use std::ops::Add;
use std::ops::Sub;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// How many milliseconds lie between `earlier` and this moment; 0 when `earlier` is not earlier.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Later by so many milliseconds.
impl Add<u64> for Timestamp {
    type Output = Self;
    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// Earlier by so many milliseconds.
impl Sub<u64> for Timestamp {
    type Output = Self;
    fn sub(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}
