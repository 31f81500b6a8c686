//! Read-only connections: they see what is committed, and never wait for the writer.
//!
//! A point read takes microseconds and runs where it is asked. A read that may be long runs on a blocking thread and
//! on connections of its own, so that no point read waits behind it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use super::connect;
use super::trouble::store_error;
use crate::{BoxFuture, Result, StoreError, StoreErrorKind};

const QUICK_CONNECTIONS: usize = 4;
const LONG_CONNECTIONS: usize = 2;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    quick: Pool,
    long: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    connections: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            quick: Pool::open(path, QUICK_CONNECTIONS)?,
            long: Arc::new(Pool::open(path, LONG_CONNECTIONS)?),
        })
    }

    /// Reads a few rows on the spot.
    pub(super) fn quick<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(
            async move { read(&self.quick.connection()).map_err(|error| store_error("cannot read", error)) },
        )
    }

    /// Reads what may be many rows on a blocking thread.
    pub(super) fn long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let pool = Arc::clone(&self.long);
        blocking(move || read(&pool.connection()).map_err(|error| store_error("cannot read", error)))
    }
}

/// Runs work that waits for the disk away from the async threads.
pub(super) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| {
            Err(StoreError::new(StoreErrorKind::Unexpected, "cannot read: the reading thread ended")
                .with_source(error))
        })
    })
}

impl Pool {
    fn open(path: &Path, size: usize) -> Result<Self> {
        let connections = (0..size).map(|_| connect::reader(path).map(Mutex::new)).collect::<Result<_>>()?;
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    /// A free connection, or the one whose turn it is when all are taken.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        let free = self.connections.iter().find_map(Mutex::try_lock);
        free.unwrap_or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len();
            self.connections[turn].lock()
        })
    }
}
