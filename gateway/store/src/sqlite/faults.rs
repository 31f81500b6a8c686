//! What happens when things go wrong, tried with commands that go wrong on purpose. Only for tests.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parking_lot::Mutex;
use rusqlite::ffi;
use sidegate_core::operation::Event;
use tempfile::TempDir;

use super::SqliteStore;
use super::transaction::Tx;
use super::trouble::Trouble;
use super::writer::Command;
use crate::suite::options;
use crate::suite::samples::{at, id, operation, queued_message};
use crate::{Accepted, NewQueued, Operations, Options, Outbox, Queues, Result, StoreErrorKind, Upkeep};

/// A store in a folder that goes with it.
struct Rig {
    store: Arc<SqliteStore>,
    _folder: TempDir,
}

impl Rig {
    fn new(options: Options) -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            store: Arc::new(SqliteStore::open(folder.path().join("store.db"), options).unwrap()),
            _folder: folder,
        }
    }

    /// A store that must not break.
    fn sound() -> Self {
        Self::new(options(100_000))
    }

    /// A store that may break, and what it says then.
    fn breakable() -> (Self, Arc<Mutex<Vec<String>>>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        (Self::new(Options::new(100, move |message| heard.lock().push(message.to_owned()))), said)
    }

    /// Keeps the writer busy until the returned end is used or dropped; what is queued meanwhile forms a group.
    async fn hold_writer(&self) -> SyncSender<()> {
        let (entered, entry) = tokio::sync::oneshot::channel();
        let (release, gate) = sync_channel(1);
        let store = Arc::clone(&self.store);
        let held = Hold { entered: Mutex::new(Some(entered)), gate: Mutex::new(gate) };
        tokio::spawn(async move { store.writer.run(held).await });
        entry.await.expect("the writer comes to it");
        release
    }
}

struct Hold {
    entered: Mutex<Option<tokio::sync::oneshot::Sender<()>>>,
    gate: Mutex<Receiver<()>>,
}

impl Command for Hold {
    type Output = ();

    fn run(&self, _tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        let _ = self.entered.lock().take().map(|entered| entered.send(()));
        let _ = self.gate.lock().recv_timeout(Duration::from_secs(30));
        Ok(())
    }
}

/// Writes something, then fails with this code of SQLite; counts how often it was tried.
struct Fail(i32, Arc<AtomicUsize>);

impl Command for Fail {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        self.1.fetch_add(1, Ordering::Relaxed);
        tx.conn.execute("INSERT INTO binding VALUES ('left', 'behind')", [])?;
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(self.0), None).into())
    }
}

struct Panic;

impl Command for Panic {
    type Output = ();

    fn run(&self, _tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        panic!("a bug, for the test")
    }
}

/// The disk has room for so many pages more.
struct Room(u32);

impl Command for Room {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        let used: u32 = tx.conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(tx.conn.pragma_update_and_check(None, "max_page_count", used + self.0, |_| Ok(()))?)
    }
}

fn fail(code: i32) -> (Fail, Arc<AtomicUsize>) {
    let tried = Arc::new(AtomicUsize::new(0));
    (Fail(code, Arc::clone(&tried)), tried)
}

/// Asks now: the command is in the queue when this returns.
fn queue<'a, T: Send + 'a>(asked: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    let mut asked = asked.boxed();
    match (&mut asked).now_or_never() {
        Some(answer) => std::future::ready(answer).boxed(),
        None => asked,
    }
}

fn large_message(number: u64) -> NewQueued {
    NewQueued { body: vec![b'x'; 100_000].into(), ..queued_message("a", number) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gathers_while_the_writer_is_busy_is_committed_together() {
    let rig = Rig::sound();
    let release = rig.hold_writer().await;
    let before = rig.store.commits();
    let asked: Vec<_> = (0..100).map(|number| queue(rig.store.accept(vec![operation(number)]))).collect();
    drop(release);
    let answers = join_all(asked).await;
    assert!(answers.iter().all(Result::is_ok), "everybody is answered");
    let commits = rig.store.commits() - before;
    assert!(commits <= 25, "100 commands must share commits, and took {commits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_command_does_not_fail_its_neighbours() {
    let rig = Rig::sound();
    let release = rig.hold_writer().await;
    let (failing, tried) = fail(ffi::SQLITE_CONSTRAINT);
    let before = queue(rig.store.accept(vec![operation(1)]));
    let failed = queue(rig.store.writer.run(failing));
    let after = queue(rig.store.accept(vec![operation(2)]));
    drop(release);
    assert_eq!(failed.await.unwrap_err().kind, StoreErrorKind::Unexpected, "the failing one is told");
    assert!(matches!(before.await.unwrap()[..], [Accepted::New(_)]), "the one before it is stored");
    assert!(matches!(after.await.unwrap()[..], [Accepted::New(_)]), "the one after it is stored");
    assert_eq!(
        tried.load(Ordering::Relaxed),
        2,
        "it failed once in the group and once alone, else nothing was tried"
    );
    assert!(
        rig.store.operation(id(1)).await.unwrap().is_some()
            && rig.store.operation(id(2)).await.unwrap().is_some()
    );
    assert_eq!(rig.store.pending(), 2, "each is counted once, though it ran twice");
    assert_eq!(rig.store.claimed("broker/main", 0, 10).await.unwrap().len(), 2, "each is dispatched once");
    assert_eq!(rig.store.bindings().await.unwrap(), [], "a failed command leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_everybody_and_serves_again_when_there_is_room() {
    let rig = Rig::sound();
    let kept = rig.store.enqueue(vec![large_message(0)]).await.unwrap();
    rig.store.writer.run(Room(5)).await.unwrap();
    let release = rig.hold_writer().await;
    let small = queue(rig.store.accept(vec![operation(1)]));
    let large = queue(rig.store.enqueue((1..9).map(large_message).collect()));
    drop(release);
    assert_eq!(large.await.unwrap_err().kind, StoreErrorKind::DiskFull);
    assert_eq!(
        small.await.unwrap_err().kind,
        StoreErrorKind::DiskFull,
        "what shared the transaction did not happen"
    );
    assert_eq!(rig.store.operation(id(1)).await.unwrap(), None, "what was refused is not there");
    assert_eq!(rig.store.pending(), 0, "what was refused does not count");
    assert_eq!(
        rig.store.claimed("broker/main", 0, 10).await.unwrap(),
        [],
        "what was refused is not dispatched"
    );
    rig.store.writer.run(Room(10_000)).await.unwrap();
    rig.store.accept(vec![operation(1)]).await.expect("there is room again");
    let next = rig.store.enqueue(vec![large_message(9)]).await.unwrap();
    assert!(next > kept, "positions go on rising");
    assert_eq!(rig.store.claimed("broker/main", 0, 10).await.unwrap().len(), 1, "and it is dispatched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_io_error_ends_the_store_and_answers_nobody() {
    let (rig, said) = Rig::breakable();
    let release = rig.hold_writer().await;
    let (broken, _) = fail(ffi::SQLITE_IOERR_FSYNC);
    let mut neighbour = queue(rig.store.accept(vec![operation(1)]));
    let mut broken = queue(rig.store.writer.run(broken));
    drop(release);
    ends(&rig.store).await;
    assert_eq!(said.lock().len(), 1, "the gateway is told once");
    assert!(said.lock()[0].contains("check the disk"), "and what to do: {}", said.lock()[0]);
    assert!((&mut broken).now_or_never().is_none(), "whether it is on the disk is not known: no answer");
    assert!((&mut neighbour).now_or_never().is_none(), "nor of what shared its transaction");
    assert_eq!(rig.store.probe().await.unwrap_err().kind, StoreErrorKind::Closed, "nothing more is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_the_writer_is_as_fatal_as_a_broken_disk() {
    let (rig, said) = Rig::breakable();
    let mut unlucky = queue(rig.store.writer.run(Panic));
    ends(&rig.store).await;
    assert_eq!(said.lock().len(), 1, "a writer that is gone must not go unnoticed");
    assert!((&mut unlucky).now_or_never().is_none(), "nobody is told what is not known");
}

/// Waits until the writer's thread is gone.
async fn ends(store: &SqliteStore) {
    tokio::time::timeout(Duration::from_secs(30), store.writer.ended()).await.expect("the writer ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_work_is_refused_before_work_under_way() {
    let rig = Rig::sound();
    rig.store.accept(vec![operation(1)]).await.unwrap();
    let release = rig.hold_writer().await;
    let mut asked: Vec<_> =
        (2..6_000).map(|number| queue(rig.store.accept(vec![operation(number)]))).collect();
    let finishing = queue(rig.store.apply(vec![(id(1), Event::Sent)], at(5)));
    let refused = asked.pop().expect("thousands asked").await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Overloaded, "a full queue refuses, it does not grow");
    drop(release);
    assert!(finishing.await.is_ok(), "what is under way can finish");
    assert!(join_all(asked).await.iter().any(Result::is_ok), "what was taken is done");
    rig.store.accept(vec![operation(7_000)]).await.expect("and there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_bounded_under_writing() {
    const LOG_BYTES_MAX: u64 = 3 * 4_000 * 4_096;
    let rig = Rig::sound();
    let log = rig._folder.path().join("store.db-wal");
    for number in 0..40 {
        let positions = rig.store.enqueue((0..20).map(|_| large_message(number)).collect()).await.unwrap();
        rig.store.dequeue(positions).await.unwrap();
        let bytes = log.metadata().unwrap().len();
        assert!(bytes < LOG_BYTES_MAX, "80 MB were written, and the log holds {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_answers_before_the_commit() {
    let rig = Rig::new(Options { unsafe_ack_before_commit: true, ..options(1_000) });
    let mut lost_if_killed = 0;
    for number in 0..20 {
        rig.store.accept(vec![operation(number)]).await.unwrap();
        lost_if_killed += usize::from(rig.store.operation(id(number)).await.unwrap().is_none());
    }
    assert!(lost_if_killed > 0, "a control that loses nothing controls nothing");
}
