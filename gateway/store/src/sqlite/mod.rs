//! The store on one SQLite file: for one gateway process, with nothing to install.
//!
//! ```text
//! callers ──command──▶ bounded queue ──▶ writer thread: BEGIN · commands · COMMIT (synced) ──▶ answers
//! callers ◀──────────── read-only connections, as committed ────────────
//! ```
//!
//! Opening takes the lock file, checks the library, sets and reads back the durability settings, and migrates. One
//! thread writes; what gathers while it commits is committed together. An I/O error at a commit is the end of the
//! process, never a retry. SQL stands in `sql/`, one file a statement; pragmas and the words of a
//! transaction stand where they are used.

mod checkpoint;
mod codec;
mod connect;
#[cfg(all(test, feature = "suite"))]
mod faults;
mod inbox;
mod lane;
mod ledger;
mod lock;
mod operations;
mod outbox;
mod parked;
mod queues;
mod readers;
mod schema;
mod tail;
mod transaction;
mod trouble;
mod upkeep;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use checkpoint::Checkpoint;
use connect::cannot_open;
use ledger::Ledger;
use lock::Lock;
use readers::Readers;
use tail::Tail;
use writer::{Shared, Writer};

use crate::{Options, Result, StoreError, StoreErrorKind};

const SECRET_BYTES: usize = 32;

/// A store in one file. Dropping it waits for what is queued.
pub struct SqliteStore {
    // In the order in which they end: the writer first, the lock last.
    writer: Writer,
    readers: Readers,
    path: PathBuf,
    secret: [u8; SECRET_BYTES],
    epoch: u64,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the database, and makes it when it is absent. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// `CannotOpen`: another process has it, it belongs to another program or to a newer version of this one, a
    /// durability setting did not take, or the file cannot be read and written.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let lock = Lock::take(path)?;
        let mut conn = connect::writer(path)?;
        schema::migrate(&mut conn, path)?;
        let failed = |error: rusqlite::Error| cannot_open(path, &error);
        lane::delete_unused(&conn).map_err(failed)?;
        let (secret, epoch) = (secret(&conn, path)?, next_epoch(&conn).map_err(failed)?);
        let ledger = Ledger::load(&conn).map_err(failed)?;
        let shared = Arc::new(shared(&conn, &ledger).map_err(failed)?);
        let readers = Readers::open(path)?;
        let no_thread = |error: std::io::Error| cannot_open(path, &error);
        let checkpoint = Checkpoint::start(connect::writer(path)?).map_err(no_thread)?;
        let writer = Writer::start(conn, ledger, checkpoint, shared, options).map_err(no_thread)?;
        Ok(Self { writer, readers, path: path.to_owned(), secret, epoch, _lock: lock })
    }

    /// Transactions committed since the store was opened: under load, fewer than commands.
    pub fn commits(&self) -> u64 {
        self.writer.shared().commits.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

fn shared(conn: &Connection, ledger: &Ledger) -> rusqlite::Result<Shared> {
    let lanes = ledger.lanes().iter();
    let ends = lanes.map(|(name, id)| Ok((name.clone(), *id, lane::last_seq(conn, *id)?)));
    let tail = Tail::new(ends.collect::<rusqlite::Result<Vec<_>>>()?.into_iter());
    let last_key =
        conn.query_row(include_str!("sql/operation/last_key.sql"), [], |row| codec::number(row, 0))?;
    Ok(Shared::new(tail, ledger.pending, last_key))
}

/// The secret that was made with the database.
fn secret(conn: &Connection, path: &Path) -> Result<[u8; SECRET_BYTES]> {
    let failed = |error: rusqlite::Error| cannot_open(path, &error);
    let get = include_str!("sql/meta/get.sql");
    let found = conn.query_row(get, ["secret"], |row| row.get::<_, Vec<u8>>(0)).optional().map_err(failed)?;
    if let Some(found) = found {
        let length = found.len();
        return found.try_into().map_err(|_| {
            let message =
                format!("cannot open {}: its secret has {length} bytes, not {SECRET_BYTES}", path.display());
            StoreError::new(StoreErrorKind::Corrupt, message)
        });
    }
    let mut fresh = [0; SECRET_BYTES];
    getrandom::fill(&mut fresh).map_err(|error| cannot_open(path, &error))?;
    conn.execute(include_str!("sql/meta/set.sql"), params!["secret", fresh]).map_err(failed)?;
    Ok(fresh)
}

/// Rises with every opening: the lock file lets in one holder at a time.
fn next_epoch(conn: &Connection) -> rusqlite::Result<u64> {
    let before = conn.query_row(include_str!("sql/meta/get.sql"), ["epoch"], |row| codec::number(row, 0));
    let epoch = before.optional()?.unwrap_or(0) + 1;
    conn.execute(include_str!("sql/meta/set.sql"), params!["epoch", codec::int(epoch)])?;
    Ok(epoch)
}
