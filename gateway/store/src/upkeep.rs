//! What a store does beside the requests: deadlines, retention, leases, backup.

use std::path::Path;

use sidegate_core::{OperationId, Timestamp};

use crate::{BoxFuture, Result};

/// Called by the gateway's clockwork.
pub trait Upkeep: Send + Sync {
    /// Open operations whose deadline is at or before `now`, the most overdue first, at most `limit`.
    /// Whoever asks applies `DeadlinePassed`; doing it twice is harmless.
    fn overdue(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<OperationId>>>;

    /// When the next open operation is due; a hint for the timer.
    fn next_deadline(&self) -> BoxFuture<'_, Result<Option<Timestamp>>>;

    /// Forgets what expired, at most `limit` rows, and returns how many. Small bites: the hot path waits for none.
    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>>;

    /// Renews this replica's lease until `until` and claims the work of replicas whose lease ran out.
    fn renew_lease(&self, now: Timestamp, until: Timestamp) -> BoxFuture<'_, Result<Lease>>;

    /// Writes one byte and commits it: whether work can be stored now. `DiskFull` when not.
    fn probe(&self) -> BoxFuture<'_, Result<()>>;

    /// Numbers for metrics.
    fn stats(&self) -> BoxFuture<'_, Result<Stats>>;

    /// A consistent copy into a new file while running.
    ///
    /// # Errors
    /// The file exists, or the store has nothing to copy.
    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>>;

    /// A secret of 32 random bytes made with the store: signs the tokens of `Outcome-Url`.
    fn secret(&self) -> [u8; 32];

    /// The highest operation key stored; ids go on after it.
    fn last_key(&self) -> u64;

    /// Writes what is queued, then stops taking more.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// This replica's claim on its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Rises with every new holder; writes of an older epoch are refused.
    pub epoch: u64,
    /// Whether work of another replica was claimed by this renewal: read the outbox from the beginning.
    pub adopted: bool,
}

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Accepted and not yet at the broker.
    pub pending: u64,
    /// Parked messages.
    pub parked: u64,
    /// Messages in the embedded broker's queues.
    pub queued: u64,
    /// Bytes of the database and its log on disk.
    pub disk_bytes: u64,
}
