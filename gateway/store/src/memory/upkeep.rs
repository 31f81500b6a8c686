//! Deadlines and retention in memory. There is one replica and nothing on disk.

use std::path::Path;

use sidegate_core::{OperationId, Timestamp};

use super::{MemoryStore, ready};
use crate::{BoxFuture, Lease, Result, Stats, StoreError, StoreErrorKind, Upkeep};

impl Upkeep for MemoryStore {
    fn overdue(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<OperationId>>> {
        self.read(move |state| state.operations.overdue(now, limit))
    }

    fn next_deadline(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        self.read(|state| state.operations.next_deadline())
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        self.write(move |state| {
            let mut swept = state.operations.sweep(now, limit);
            swept += state.inbox.sweep(now, limit - swept);
            swept += state.parked.sweep(now, limit - swept);
            Ok(swept)
        })
    }

    fn renew_lease(&self, _now: Timestamp, _until: Timestamp) -> BoxFuture<'_, Result<Lease>> {
        self.write(|_| Ok(Lease { epoch: 1, adopted: false }))
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        self.write(|_| Ok(()))
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        self.read(|state| Stats {
            pending: state.outbox.len(),
            parked: state.parked.len(),
            queued: state.queues.len(),
            disk_bytes: 0,
        })
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>> {
        ready(move || {
            let message =
                format!("cannot back up to {}: this store is in memory only; use sqlite", to.display());
            Err(StoreError::new(StoreErrorKind::Unexpected, message))
        })
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn last_key(&self) -> u64 {
        self.state.lock().operations.last_key()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(move || self.state.lock().closed = true)
    }
}
