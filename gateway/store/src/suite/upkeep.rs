//! Deadlines, retention and the rest of the clockwork.

use sidegate_core::operation::Event;

use super::samples::{
    RETENTION_MS, TIMEOUT_MS, accept, answered, at, awaiting, change, executed, id, inbox_record, operation,
    operations, parked_message, queued_message,
};
use super::{Subject, open};
use crate::{NewOperation, Stats, StoreErrorKind};

pub async fn the_most_overdue_comes_first(subject: &impl Subject) {
    let store = open(subject);
    let due = |number, ms| NewOperation { deadline: at(ms), ..operation(number) };
    store.accept(vec![due(1, 300), due(2, 100), due(3, 200), due(4, 301)]).await.unwrap();
    assert_eq!(store.overdue(at(99), 10).await.unwrap(), [], "nothing is early");
    assert_eq!(store.overdue(at(300), 10).await.unwrap(), [id(2), id(3), id(1)], "at the deadline it is due");
    assert_eq!(store.overdue(at(300), 2).await.unwrap(), [id(2), id(3)], "no more than asked for");
}

pub async fn what_ended_is_never_overdue(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..3)).await.unwrap();
    change(&*store, id(0), answered(200), 5).await;
    change(&*store, id(1), Event::Started, 5).await;
    let late = 2 * TIMEOUT_MS;
    assert_eq!(
        store.overdue(at(late), 10).await.unwrap(),
        [id(1), id(2)],
        "every open status has a deadline"
    );
    change(&*store, id(1), Event::DeadlinePassed, late).await;
    assert_eq!(store.overdue(at(late), 10).await.unwrap(), [id(2)]);
}

pub async fn the_next_deadline_is_that_of_an_open_operation(subject: &impl Subject) {
    let store = open(subject);
    assert_eq!(store.next_deadline().await.unwrap(), None, "nothing to wait for");
    store.accept(operations(1..3)).await.unwrap();
    assert_eq!(store.next_deadline().await.unwrap(), Some(at(1 + TIMEOUT_MS)));
    change(&*store, id(1), Event::Cancelled, 5).await;
    assert_eq!(store.next_deadline().await.unwrap(), Some(at(2 + TIMEOUT_MS)));
}

pub async fn sweeping_forgets_what_expired_and_nothing_else(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..3)).await.unwrap();
    change(&*store, id(0), answered(200), 10).await;
    let kept = change(&*store, id(1), answered(200), 11).await;
    let open_one = store.operation(id(2)).await.unwrap();
    assert_eq!(store.sweep(at(9 + RETENTION_MS), 100).await.unwrap(), 0, "nothing expired yet");
    assert_eq!(store.sweep(at(10 + RETENTION_MS), 100).await.unwrap(), 1);
    assert_eq!(store.operation(id(0)).await.unwrap(), None);
    assert_eq!(store.answer(id(0)).await.unwrap(), None, "its answer goes with it");
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(kept), "not yet");
    store.sweep(at(100 * RETENTION_MS), 100).await.unwrap();
    assert_eq!(store.operation(id(2)).await.unwrap(), open_one, "an open operation is never forgotten");
}

pub async fn sweeping_takes_no_more_than_it_may(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..5)).await.unwrap();
    for number in 0..5 {
        change(&*store, id(number), Event::Cancelled, 10).await;
    }
    store.record((0..5).map(|number| inbox_record(number, awaiting())).collect()).await.unwrap();
    let mut bites = Vec::new();
    for _ in 0..5 {
        bites.push(store.sweep(at(2 * RETENTION_MS), 3).await.unwrap());
    }
    assert_eq!(bites, [3, 3, 3, 1, 0], "small bites, until all is forgotten");
}

pub async fn sweeping_forgets_what_was_executed_and_what_was_parked(subject: &impl Subject) {
    let store = open(subject);
    store.record(vec![inbox_record(1, executed(200)), inbox_record(9, awaiting())]).await.unwrap();
    let ids = store.park(vec![parked_message(1), parked_message(9)]).await.unwrap();
    assert_eq!(store.sweep(at(5 + RETENTION_MS), 100).await.unwrap(), 2);
    assert_eq!(store.executed("create-order", "message-1").await.unwrap(), None, "forgotten");
    assert_eq!(store.executed("create-order", "message-9").await.unwrap(), Some(awaiting()), "kept");
    assert_eq!(store.executed_for("operation-1").await.unwrap(), []);
    assert_eq!(store.parked(ids[0]).await.unwrap(), None, "forgotten");
    assert!(store.parked(ids[1]).await.unwrap().is_some(), "kept");
}

pub async fn a_store_that_can_write_says_so(subject: &impl Subject) {
    let store = open(subject);
    store.probe().await.unwrap();
    store.probe().await.expect("again is fine");
}

pub async fn the_secret_stays_the_same(subject: &impl Subject) {
    let store = open(subject);
    assert_eq!(store.secret(), store.secret());
    assert_ne!(store.secret(), [0; 32], "random bytes were drawn");
}

pub async fn the_lease_is_held(subject: &impl Subject) {
    let store = open(subject);
    let first = store.renew_lease(at(0), at(10)).await.unwrap();
    let second = store.renew_lease(at(5), at(15)).await.unwrap();
    assert_eq!(first.epoch, second.epoch, "whoever renews in time is the same holder");
    assert!(!second.adopted, "there was nobody's work to take over");
}

pub async fn the_numbers_count_what_is_there(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..3)).await.unwrap();
    store.park(vec![parked_message(1)]).await.unwrap();
    store.enqueue(vec![queued_message("a", 1), queued_message("b", 2)]).await.unwrap();
    let stats = store.stats().await.unwrap();
    assert_eq!(stats, Stats { pending: 3, parked: 1, queued: 2, ..stats });
}

pub async fn after_closing_writes_are_refused_and_reads_go_on(subject: &impl Subject) {
    let store = open(subject);
    let operation = accept(&*store, operation(1)).await;
    store.close().await;
    store.close().await;
    let refused = store.accept(operations(2..3)).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Closed);
    assert_eq!(store.probe().await.unwrap_err().kind, StoreErrorKind::Closed);
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(operation), "who holds it can still read");
}
