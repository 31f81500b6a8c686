//! Both stores, asked the same, say the same: random histories against memory, the simplest store, as the model.
//!
//! The SQLite store is closed and opened again along the way, which the model does not notice. Places and numbers
//! that a store is free to choose are compared by their order.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use sidegate_core::operation::{Event, Status};
use sidegate_store::suite::samples::{
    LANE, RETENTION_MS, answer, answered, at, awaiting, executed, id, in_lane, inbox_record, operation,
    parked_message, queued_message, with_key,
};
use sidegate_store::suite::{MemorySubject, SqliteSubject, Subject, options};
use sidegate_store::{Claimed, Filter, NewOperation, Queued, Store};

/// Few, so that histories run into it.
const PENDING_MAX: u64 = 12;
const LANES: [&str; 3] = [LANE, "call/a", "call/b"];
const QUEUES: [&str; 2] = ["orders", "replies"];

#[derive(Debug, Clone)]
enum Action {
    /// Lane, idempotency key, what is asked, whether it has a business name; as often as said, in one batch.
    Accept(usize, Option<u8>, u8, bool, u64),
    Apply(u64, Event),
    Record(u64, bool, u16),
    Park(u64, bool),
    Unpark(usize),
    Enqueue(usize, u64),
    Dequeue(usize),
    Postpone(usize, u32),
    Sweep,
    Wait(u64),
    Reopen,
}

fn any_action() -> impl Strategy<Value = Action> {
    let accept = (0..LANES.len(), proptest::option::of(0_u8..4), 0_u8..2, any::<bool>(), 1_u64..4);
    prop_oneof![
        5 => accept.prop_map(|(lane, key, asked, named, times)| Action::Accept(lane, key, asked, named, times)),
        8 => (0_u64..24, any_event()).prop_map(|(number, event)| Action::Apply(number, event)),
        2 => (0_u64..6, any::<bool>(), 200_u16..600).prop_map(|(n, answer, status)| Action::Record(n, answer, status)),
        1 => (0_u64..4, any::<bool>()).prop_map(|(number, nameless)| Action::Park(number, nameless)),
        1 => (0_usize..6).prop_map(Action::Unpark),
        2 => (0..QUEUES.len(), 0_u64..50).prop_map(|(queue, number)| Action::Enqueue(queue, number)),
        1 => (0_usize..12).prop_map(Action::Dequeue),
        1 => (0_usize..12, 1_u32..5).prop_map(|(message, attempt)| Action::Postpone(message, attempt)),
        1 => Just(Action::Sweep),
        2 => (0..RETENTION_MS).prop_map(Action::Wait),
        1 => Just(Action::Reopen),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Sent),
        Just(Event::Started),
        (200_u16..600).prop_map(answered),
        Just(Event::Exhausted(answer(502))),
        Just(Event::Parked),
        Just(Event::Resumed),
        Just(Event::Cancelled),
        Just(Event::DeadlinePassed),
    ]
}

/// One of the two stores, with the numbers it chose.
struct Side {
    store: Arc<dyn Store>,
    positions: Vec<u64>,
    parked: Vec<u64>,
}

impl Side {
    fn new(subject: &impl Subject) -> Self {
        Self { store: subject.open(options(PENDING_MAX)), positions: Vec::new(), parked: Vec::new() }
    }

    /// Does it, and writes down what was said, without the numbers that the store chose.
    async fn act(&mut self, action: &Action, accepted: u64, now_ms: u64) -> String {
        let store = &*self.store;
        match action {
            Action::Accept(lane, key, asked, named, times) => {
                let batch = (accepted..accepted + times)
                    .map(|number| new(number, *lane, *key, *asked, *named, now_ms));
                format!("{:?}", store.accept(batch.collect()).await.map_err(|error| error.kind))
            }
            Action::Apply(number, event) => {
                format!("{:?}", store.apply(vec![(id(*number), event.clone())], at(now_ms)).await.unwrap())
            }
            Action::Record(number, is_answer, status) => {
                let executed = if *is_answer { executed(*status) } else { awaiting() };
                let mut record = inbox_record(*number, executed);
                record.expires_at = at(now_ms + RETENTION_MS);
                format!("{:?}", store.record(vec![record]).await.unwrap())
            }
            Action::Park(number, nameless) => {
                let mut parked = parked_message(*number);
                parked.expires_at = at(now_ms + RETENTION_MS);
                if *nameless {
                    parked.message_id = "".into();
                }
                self.park(parked).await
            }
            Action::Unpark(which) => match self.parked.get(*which) {
                Some(number) => format!("{:?}", store.unpark(*number).await.unwrap()),
                None => String::new(),
            },
            Action::Enqueue(queue, number) => {
                let message = queued_message(QUEUES[*queue], *number);
                self.positions.extend(store.enqueue(vec![message]).await.unwrap());
                format!("{}", self.positions.is_sorted())
            }
            Action::Dequeue(which) => {
                format!(
                    "{:?}",
                    store.dequeue(self.positions.get(*which).copied().into_iter().collect()).await.unwrap()
                )
            }
            Action::Postpone(which, attempt) => {
                let position = self.positions.get(*which).copied().unwrap_or(1 << 40);
                format!("{:?}", store.postpone(position, *attempt, at(now_ms)).await.unwrap())
            }
            Action::Sweep => format!("{}", store.sweep(at(now_ms), 10_000).await.unwrap()),
            Action::Wait(_) | Action::Reopen => String::new(),
        }
    }

    async fn park(&mut self, parked: sidegate_store::NewParked) -> String {
        let number = self.store.park(vec![parked]).await.unwrap()[0];
        if !self.parked.contains(&number) {
            self.parked.push(number);
        }
        format!("{:?}", self.parked.iter().position(|known| *known == number))
    }

    /// Everything that can be read.
    async fn content(&self, accepted: u64, now_ms: u64) -> Vec<String> {
        let store = &*self.store;
        let mut told = vec![
            format!("pending {}", store.pending()),
            format!("lanes {:?}", store.lanes().await.unwrap()),
            format!("lengths {:?}", store.queue_lengths().await.unwrap()),
            format!("overdue {:?}", store.overdue(at(now_ms), 100).await.unwrap()),
            format!("next {:?}", store.next_deadline().await.unwrap()),
        ];
        for number in 0..accepted {
            told.push(format!("answer {:?}", store.answer(id(number)).await.unwrap()));
        }
        for number in 0..6 {
            let operation = format!("operation-{number}");
            told.push(format!("inbox {:?}", store.executed_for(&operation).await.unwrap()));
        }
        for lane in LANES {
            let claimed = store.claimed(lane, 0, 100).await.unwrap();
            told.extend(
                claimed.into_iter().map(|claimed| format!("claimed {:?}", Claimed { seq: 0, ..claimed })),
            );
        }
        for queue in QUEUES {
            let queued = store.queued(queue, 0, 100).await.unwrap();
            told.extend(
                queued.into_iter().map(|queued| format!("queued {:?}", Queued { position: 0, ..queued })),
            );
        }
        let parked = store.parked_list(None, 100).await.unwrap().items;
        told.extend(parked.into_iter().map(|message| format!("parked {:?}", message.parked)));
        for filter in filters() {
            told.push(format!("list {:?}", store.list(filter).await.unwrap()));
        }
        told
    }
}

fn filters() -> [Filter; 5] {
    let all = Filter { limit: 7, ..Filter::default() };
    [
        Filter { status: Some(Status::Sent), ..all.clone() },
        Filter { correlation_id: Some("order-3".into()), ..all.clone() },
        Filter { correlation_id: Some(id(2).to_string().into()), ..all.clone() },
        Filter { since: Some(at(5)), limit: 100, ..all.clone() },
        all,
    ]
}

fn new(number: u64, lane: usize, key: Option<u8>, asked: u8, named: bool, now_ms: u64) -> NewOperation {
    let new = in_lane(LANES[lane], operation(number));
    let new = NewOperation { deadline: at(now_ms + 1_000 * (1 + number % 7)), ..new };
    let new = NewOperation { correlation_id: new.correlation_id.filter(|_| named), ..new };
    match key {
        Some(key) => with_key(new, key, asked),
        None => new,
    }
}

async fn both_agree(history: &[Action]) {
    let subject = SqliteSubject::new();
    let (mut memory, mut sqlite) = (Side::new(&MemorySubject), Side::new(&subject));
    let (mut accepted, mut now_ms) = (0, 1_000);
    for action in history {
        let (model, real) =
            (memory.act(action, accepted, now_ms).await, sqlite.act(action, accepted, now_ms).await);
        assert_eq!(real, model, "answers differ at {action:?}");
        match action {
            Action::Accept(_, _, _, _, times) => accepted += times,
            Action::Wait(ms) => now_ms += ms,
            Action::Reopen => {
                drop(sqlite.store);
                sqlite.store = subject.open(options(PENDING_MAX));
            }
            _ => {}
        }
        now_ms += 1;
    }
    let (model, real) = (memory.content(accepted, now_ms).await, sqlite.content(accepted, now_ms).await);
    assert_eq!(real, model, "contents differ");
    drop(sqlite.store);
    is_sound(&subject);
}

/// What SQLite itself says of the file, and what no table may contradict.
fn is_sound(subject: &SqliteSubject) {
    let conn = rusqlite::Connection::open(subject.path()).unwrap();
    let text = |sql| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let count = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok", "the file is sound");
    let requests = count("SELECT count(*) FROM outbox");
    assert_eq!(
        count("SELECT coalesce(max(value), 0) FROM meta WHERE name = 'pending'"),
        requests,
        "pending drifted"
    );
    assert_eq!(count("SELECT count(outbox_seq) FROM operation"), requests, "each request has its operation");
    assert_eq!(
        count("SELECT count(*) FROM answer"),
        count("SELECT count(answer_status) FROM operation"),
        "answers"
    );
    assert_eq!(
        count("SELECT count(*) FROM idempotency"),
        count("SELECT count(scope) FROM operation"),
        "keys"
    );
    assert_eq!(
        count("SELECT count(*) FROM postponed WHERE position NOT IN (SELECT position FROM message)"),
        0
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_history_reads_the_same_in_both_stores(history in vec(any_action(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(both_agree(&history));
    }
}
