//! Moving the log's pages into the database file, so that the log stays bounded.
//!
//! Left to itself SQLite does it inside the commit that crosses a threshold, and the callers of that commit wait for
//! it. Here the writer does it between groups, after everybody was answered. The log starts over when a checkpoint
//! caught up with it; a long reader (a backup) can hold that up, and the log grows until it is done.

use rusqlite::{Connection, ErrorCode};
use tracing::warn;

/// Pages in the log from which on it is checkpointed: 16 MiB of 4 KiB pages.
const LOG_PAGES_MAX: i64 = 4_000;
/// After a checkpoint that a reader held up, so many more pages before the next try.
const LOG_PAGES_MORE: i64 = 4_000;

/// When the next checkpoint is due.
#[derive(Debug)]
pub(super) struct Checkpoint {
    due_at_pages: i64,
}

/// Pages in the log, and how many of them are in the database file already.
struct Log {
    pages: i64,
    checkpointed_pages: i64,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { due_at_pages: LOG_PAGES_MAX }
    }
}

impl Checkpoint {
    /// Checkpoints when the log is long enough. A full disk is no failure: the log still holds everything.
    pub(super) fn after_commit(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let before = log(conn, "PRAGMA wal_checkpoint(NOOP)")?;
        if before.pages < self.due_at_pages {
            self.due_at_pages = self.due_at_pages.min(before.pages.max(LOG_PAGES_MAX) + LOG_PAGES_MORE);
            return Ok(());
        }
        match log(conn, "PRAGMA wal_checkpoint(PASSIVE)") {
            Ok(after) if after.checkpointed_pages >= after.pages => self.due_at_pages = LOG_PAGES_MAX,
            Ok(after) => self.due_at_pages = after.pages + LOG_PAGES_MORE,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                warn!(%error, "no room to move the store's log into its database; it is tried again");
                self.due_at_pages = before.pages + LOG_PAGES_MORE;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Leaves no log behind, if nobody reads any more.
    pub(super) fn at_end(&self, conn: &Connection) {
        if let Err(error) = log(conn, "PRAGMA wal_checkpoint(TRUNCATE)") {
            warn!(%error, "the store's log stays beside its database; the next start takes it in");
        }
    }
}

fn log(conn: &Connection, pragma: &'static str) -> rusqlite::Result<Log> {
    let mut statement = conn.prepare_cached(pragma)?;
    statement.query_row([], |row| Ok(Log { pages: row.get(1)?, checkpointed_pages: row.get(2)? }))
}
