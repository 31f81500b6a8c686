//! How much one SQLite store takes: durable accepts, and whole operations, by how many callers ask at once.
//!
//! ```text
//! cargo run --release -p sidegate-store --example throughput [FOLDER]
//! ```
//!
//! A whole operation is what a command costs when both sides are in one process: accept, enqueue, sent, inbox record,
//! enqueue of the reply, dequeue, answered, dequeue; each awaited to its commit. FOLDER should be on the disk in
//! question; a folder in memory measures no disk.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program for a terminal")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use sidegate_core::operation::Event;
use sidegate_core::{Answer, OperationId, Timestamp};
use sidegate_store::{
    Executed, Inbox, InboxRecord, NewOperation, NewQueued, Operations, Options, Queues, Request, RequestKind,
    SqliteStore,
};

const BODY: &[u8] = &[b'x'; 1_024];
const REPLY: &[u8] = &[b'y'; 256];
const ROUND: Duration = Duration::from_secs(4);

/// What callers do again and again.
#[derive(Debug, Clone, Copy)]
enum Work {
    Accept,
    Whole,
}

struct Bench {
    store: SqliteStore,
    last_number: AtomicU64,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!(
        "{:>8} {:>8} {:>9} {:>9} {:>7} {:>8} {:>8} {:>8}",
        "work", "callers", "per s", "per sync", "cpu µs", "p50 ms", "p99 ms", "max ms"
    );
    for (work, callers) in [
        (Work::Accept, 1),
        (Work::Accept, 64),
        (Work::Accept, 256),
        (Work::Accept, 1_024),
        (Work::Whole, 1),
        (Work::Whole, 64),
        (Work::Whole, 256),
        (Work::Whole, 1_024),
    ] {
        let folder = tempfile::tempdir_in(&folder).unwrap();
        let options = Options::new(u64::MAX >> 1, |message| panic!("{message}"));
        let store = SqliteStore::open(folder.path().join("throughput.db"), options).unwrap();
        round(Arc::new(Bench { store, last_number: AtomicU64::new(0) }), work, callers).await;
    }
}

async fn round(bench: Arc<Bench>, work: Work, callers: usize) {
    let (begun, cpu_before) = (Instant::now(), cpu());
    let tasks = (0..callers).map(|_| tokio::spawn(caller(Arc::clone(&bench), work, begun)));
    let mut took: Vec<Duration> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{:>8} {callers:>8} {:>9.0} {:>9.1} {:>7.1} {:>8.2} {:>8.2} {:>8.2}",
        format!("{work:?}"),
        took.len() as f64 / seconds,
        took.len() as f64 / bench.store.commits() as f64,
        (cpu() - cpu_before).as_secs_f64() * 1e6 / took.len() as f64,
        ms(0.50),
        ms(0.99),
        ms(1.0),
    );
}

/// What this process has used of the processors so far; as Linux tells it, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>();
    Duration::from_millis(10).saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

async fn caller(bench: Arc<Bench>, work: Work, begun: Instant) -> Vec<Duration> {
    let mut took = Vec::new();
    while begun.elapsed() < ROUND {
        let started = Instant::now();
        match work {
            Work::Accept => drop(accept(&bench).await),
            Work::Whole => whole(&bench).await,
        }
        took.push(started.elapsed());
    }
    took
}

fn now() -> Timestamp {
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_unix_ms(since_epoch.as_millis() as u64)
}

async fn accept(bench: &Bench) -> OperationId {
    let number = bench.last_number.fetch_add(1, Ordering::Relaxed);
    let id = OperationId::from_parts((1_800_000_000_000 << 20) + number, [7; 16]);
    let now = now();
    let request = Request {
        kind: RequestKind::Send,
        lane: "broker/main".into(),
        target: "orders.create".into(),
        key: None,
        method: "POST".into(),
        path: "/orders".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: Bytes::from_static(BODY),
    };
    let new = NewOperation {
        id,
        route: "create-order".into(),
        principal: None,
        correlation_id: None,
        created_at: now,
        deadline: now + 30_000,
        retention_ms: 3_600_000,
        idempotency: None,
        redrive_of: None,
        request,
    };
    bench.store.accept(vec![new]).await.unwrap();
    id
}

async fn whole(bench: &Bench) {
    let store = &bench.store;
    let id = accept(bench).await;
    let command = store.enqueue(vec![message("orders.create", id, BODY)]).await.unwrap();
    store.apply(vec![(id, Event::Sent)], now()).await.unwrap();
    let answer = Answer { status: 200, headers: Vec::new(), body: Bytes::from_static(REPLY) };
    store.record(vec![executed(id, answer.clone())]).await.unwrap();
    let reply = store.enqueue(vec![message("replies", id, REPLY)]).await.unwrap();
    store.dequeue(command).await.unwrap();
    store.apply(vec![(id, Event::Answered(answer))], now()).await.unwrap();
    store.dequeue(reply).await.unwrap();
}

fn executed(id: OperationId, answer: Answer) -> InboxRecord {
    InboxRecord {
        consumer: "create-order".into(),
        message_id: id.encode().as_str().into(),
        operation_id: id.encode().as_str().into(),
        executed: Executed::Answered { answer, exhausted: false },
        expires_at: now() + 3_600_000,
    }
}

fn message(queue: &str, id: OperationId, body: &'static [u8]) -> NewQueued {
    NewQueued {
        queue: queue.into(),
        message_id: id.encode().as_str().into(),
        destination: queue.into(),
        key: None,
        correlation_id: None,
        reply_to: Some("replies".into()),
        content_type: Some("application/json".into()),
        headers: vec![("sidegate-operation".into(), id.encode().as_str().into())],
        body: Bytes::from_static(body),
    }
}
