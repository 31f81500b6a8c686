//! Moving the log's pages into the database file, so that the log stays bounded.
//!
//! Left to itself SQLite does it inside the commit that crosses a threshold, and the callers of that commit wait for
//! megabytes. Here a thread of its own moves most of the log while writing goes on; the little that was written
//! meanwhile the writer moves between two groups, and only then can the log start over. A long reader (a backup)
//! holds that up, and the log grows until it is done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tracing::warn;

/// Pages in the log from which on it is moved: 16 MiB of 4 KiB pages.
const LOG_PAGES_MAX: i64 = 4_000;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoint {
    /// Dropped to end the thread.
    begin: Option<SyncSender<()>>,
    mover: Arc<Mover>,
    thread: Option<JoinHandle<()>>,
    /// Pages in the log at which the next move begins.
    due_at_pages: i64,
}

/// What the thread tells the writer.
#[derive(Debug, Default)]
struct Mover {
    is_moving: AtomicBool,
    /// Most of the log was moved; the writer can do the rest.
    has_moved: AtomicBool,
    failed: Mutex<Option<rusqlite::Error>>,
}

/// Pages in the log, and how many of them are in the database file already.
struct Log {
    pages: i64,
    moved_pages: i64,
}

impl Checkpoint {
    /// Starts the thread, on a connection of its own.
    pub(super) fn start(conn: Connection) -> io::Result<Self> {
        let (begin, asked) = sync_channel(1);
        let mover = Arc::<Mover>::default();
        let movers_own = Arc::clone(&mover);
        let thread = thread::Builder::new()
            .name("sidegate-checkpoint".to_owned())
            .spawn(move || movers_own.serve(&conn, &asked))?;
        Ok(Self { begin: Some(begin), mover, thread: Some(thread), due_at_pages: LOG_PAGES_MAX })
    }

    /// Has the log moved when it is long enough; called between groups, when everybody is answered.
    ///
    /// # Errors
    /// The disk failed. Nothing is lost, the log holds it, but nothing more can be promised.
    pub(super) fn after_commit(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        if self.mover.is_moving.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(error) = self.mover.failed.lock().take() {
            return Err(error);
        }
        if self.mover.has_moved.swap(false, Ordering::AcqRel) {
            return self.move_rest(conn);
        }
        if log(conn, "PRAGMA wal_checkpoint(NOOP)")?.pages >= self.due_at_pages {
            self.mover.is_moving.store(true, Ordering::Release);
            let _ = self.begin.as_ref().map(|begin| begin.try_send(()));
        }
        Ok(())
    }

    /// When all of the log is in the database, the next commit starts it over. When a reader held it up, it is tried
    /// again after as many pages more.
    fn move_rest(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let Some(log) = move_pages(conn)? else { return Ok(()) };
        let all = log.moved_pages >= log.pages;
        self.due_at_pages = if all { LOG_PAGES_MAX } else { log.pages + LOG_PAGES_MAX };
        Ok(())
    }

    /// Leaves no log behind, if nobody reads any more.
    pub(super) fn end(&mut self, conn: &Connection) {
        drop(self.begin.take());
        if let Some(thread) = self.thread.take() {
            // It has no panic of its own to report: what fails is told by value.
            let _ = thread.join();
        }
        if let Err(error) = log(conn, "PRAGMA wal_checkpoint(TRUNCATE)") {
            warn!(%error, "the store's log stays beside its database; the next start takes it in");
        }
    }
}

impl Mover {
    fn serve(&self, conn: &Connection, asked: &Receiver<()>) {
        while asked.recv().is_ok() {
            if let Err(error) = move_pages(conn) {
                *self.failed.lock() = Some(error);
            }
            self.has_moved.store(true, Ordering::Release);
            self.is_moving.store(false, Ordering::Release);
        }
    }
}

/// Moves what can be moved without waiting for anybody. `None`: the disk is full; the log still holds everything, and
/// it is tried again later.
fn move_pages(conn: &Connection) -> rusqlite::Result<Option<Log>> {
    match log(conn, "PRAGMA wal_checkpoint(PASSIVE)") {
        Ok(log) => Ok(Some(log)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            warn!(%error, "no room to move the store's log into its database; it is tried again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn log(conn: &Connection, pragma: &'static str) -> rusqlite::Result<Log> {
    let mut statement = conn.prepare_cached(pragma)?;
    statement.query_row([], |row| Ok(Log { pages: row.get(1)?, moved_pages: row.get(2)? }))
}
