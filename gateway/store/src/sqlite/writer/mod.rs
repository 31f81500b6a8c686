//! The one writer: a bounded queue of commands, a thread that commits them in groups, and answers after the commit.
//!
//! Callers are async and never block. A full queue refuses at once, new work before the rest, so that what is under
//! way can finish.

mod group;
mod job;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::checkpoint::Checkpoint;
use super::ledger::Ledger;
use super::tail::Tail;
use super::trouble::closed;
use crate::{Options, Result, StoreError, StoreErrorKind};
use group::Groups;
pub(super) use job::Command;
use job::{Job, Waiting};

/// Commands that may wait for the writer.
const QUEUE_MAX: usize = 8_192;
/// Commands that may wait when one more brings new work.
const QUEUE_MAX_FOR_NEW_WORK: usize = QUEUE_MAX / 2;

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: RwLock<Option<SyncSender<Box<dyn Job>>>>,
    shared: Arc<Shared>,
    ended: watch::Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer's thread tells everybody else.
#[derive(Debug)]
pub(super) struct Shared {
    /// Requests accepted and not yet at the broker, as committed.
    pub(super) pending: AtomicU64,
    /// The highest operation key committed.
    pub(super) last_key: AtomicU64,
    /// Transactions committed since the store opened.
    pub(super) commits: AtomicU64,
    /// The latest requests.
    pub(super) tail: Tail,
    waiting: AtomicUsize,
    broken: AtomicBool,
}

impl Shared {
    pub(super) fn new(tail: Tail, pending: u64, last_key: u64) -> Self {
        Self {
            pending: pending.into(),
            last_key: last_key.into(),
            commits: AtomicU64::new(0),
            tail,
            waiting: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        conn: Connection,
        ledger: Ledger,
        checkpoint: Checkpoint,
        shared: Arc<Shared>,
        options: Options,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let (end, ended) = watch::channel(());
        let groups = Groups::new(conn, ledger, checkpoint, Arc::clone(&shared), options);
        let thread = thread::Builder::new().name("sidegate-store".to_owned()).spawn(move || {
            // Dropped when the thread ends, which is what `ended` waits for.
            let _end = end;
            groups.serve(&jobs);
        })?;
        Ok(Self { queue: RwLock::new(Some(queue)), shared, ended, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Runs a command and returns after its commit. Dropping the future does not take the command back.
    pub(super) async fn run<C: Command>(&self, command: C) -> Result<C::Output> {
        let (caller, outcome) = oneshot::channel();
        self.submit(Box::new(Waiting::new(command, caller)), C::IS_NEW_WORK)?;
        match outcome.await {
            Ok(outcome) => outcome,
            // The writer ended without an answer: whether the command took effect is not known, and the process is
            // being ended for it. Saying "it failed" could be a lie.
            Err(_) => std::future::pending().await,
        }
    }

    fn submit(&self, job: Box<dyn Job>, is_new_work: bool) -> Result<()> {
        let queue = self.queue.read();
        let queue =
            queue.as_ref().filter(|_| !self.shared.broken.load(Ordering::Acquire)).ok_or_else(closed)?;
        let room = if is_new_work { QUEUE_MAX_FOR_NEW_WORK } else { QUEUE_MAX };
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= room {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(overloaded(room));
        }
        // Counted first and bounded by the same number, so that it is never full; gone when the thread ended.
        queue.try_send(job).map_err(|_| closed())
    }

    /// Writes what is queued, then ends the thread.
    pub(super) async fn close(&self) {
        self.queue.write().take();
        self.ended().await;
    }

    /// Returns when the thread has ended, for whatever reason.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

/// Waits for the thread: the database is closed when this returns.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.get_mut().take();
        if let Some(thread) = self.thread.get_mut().take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn overloaded(waiting: usize) -> StoreError {
    let message = format!("cannot write: {waiting} commands wait for the store already; ask again later");
    StoreError::new(StoreErrorKind::Overloaded, message)
}
