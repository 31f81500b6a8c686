//! Requests not yet at the broker.

use sidegate_core::operation::Event;

use super::samples::{LANE, accept, answered, change, id, in_lane, operation, operations};
use super::{Subject, open};
use crate::{Claimed, NewOperation, Request, RequestKind, Store};

/// The operations whose requests a lane holds, in order.
async fn waiting(store: &dyn Store, lane: &str) -> Vec<sidegate_core::OperationId> {
    store.claimed(lane, 0, 10_000).await.unwrap().iter().map(|claimed| claimed.operation).collect()
}

pub async fn requests_are_claimed_as_they_were_accepted_and_in_that_order(subject: &impl Subject) {
    let store = open(subject);
    let kinds = [RequestKind::Send, RequestKind::SendOnly, RequestKind::Publish, RequestKind::Call];
    let batch: Vec<NewOperation> = (1..)
        .zip(kinds)
        .map(|(number, kind)| {
            let new = operation(10 - number);
            NewOperation { request: Request { kind, ..new.request }, ..new }
        })
        .collect();
    for new in &batch {
        accept(&*store, new.clone()).await;
    }
    let claimed = store.claimed(LANE, 0, 10).await.unwrap();
    let expected: Vec<_> =
        claimed.iter().zip(&batch).map(|(claimed, new)| as_claimed(claimed.seq, new)).collect();
    assert_eq!(claimed, expected, "a request is complete in itself");
    assert!(claimed.is_sorted_by_key(|claimed| claimed.seq), "places rise");
    assert_eq!(claimed.len(), batch.len(), "none is missing");
}

fn as_claimed(seq: u64, new: &NewOperation) -> Claimed {
    Claimed {
        seq,
        operation: new.id,
        correlation_id: new.correlation_id.clone(),
        deadline: new.deadline,
        attempts: 0,
        request: new.request.clone(),
    }
}

pub async fn lanes_do_not_see_each_others_requests(subject: &impl Subject) {
    let store = open(subject);
    let batch = (1..=4).map(|number| in_lane(["call/a", "call/b"][(number % 2) as usize], operation(number)));
    store.accept(batch.collect()).await.unwrap();
    assert_eq!(waiting(&*store, "call/a").await, [id(2), id(4)]);
    assert_eq!(waiting(&*store, "call/b").await, [id(1), id(3)]);
    assert_eq!(waiting(&*store, "call/c").await, [], "an unknown lane is empty");
}

pub async fn reading_goes_on_after_a_place(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(1..6)).await.unwrap();
    let first = store.claimed(LANE, 0, 2).await.unwrap();
    assert_eq!(first.len(), 2, "no more than asked for");
    let rest = store.claimed(LANE, first[1].seq, 10).await.unwrap();
    let ids: Vec<_> = rest.iter().map(|claimed| claimed.operation).collect();
    assert_eq!(ids, [id(3), id(4), id(5)], "nothing twice, nothing left out");
    assert_eq!(store.claimed(LANE, rest[2].seq, 10).await.unwrap(), [], "behind the last there is nothing");
    accept(&*store, operation(6)).await;
    assert_eq!(store.claimed(LANE, rest[2].seq, 10).await.unwrap().len(), 1, "until something new comes");
}

pub async fn a_request_leaves_when_it_is_sent(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(1..4)).await.unwrap();
    change(&*store, id(2), Event::Sent, 5).await;
    assert_eq!(waiting(&*store, LANE).await, [id(1), id(3)]);
}

pub async fn a_request_leaves_when_its_operation_ends(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(1..4)).await.unwrap();
    change(&*store, id(1), Event::Cancelled, 5).await;
    change(&*store, id(3), answered(200), 5).await;
    assert_eq!(waiting(&*store, LANE).await, [id(2)], "what ended is not sent any more");
}

pub async fn a_call_that_was_begun_stays_and_counts_its_attempts(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, in_lane("call/a", operation(1))).await;
    change(&*store, id(1), Event::Started, 5).await;
    change(&*store, id(1), Event::Started, 6).await;
    let claimed = store.claimed("call/a", 0, 10).await.unwrap();
    assert_eq!(claimed.len(), 1, "until its answer is recorded it may have to be called again");
    assert_eq!(claimed[0].attempts, 2, "whoever goes on knows how often it was tried");
}

pub async fn pending_counts_the_requests_that_are_left(subject: &impl Subject) {
    let store = open(subject);
    assert_eq!(store.pending(), 0);
    store.accept(operations(1..5)).await.unwrap();
    assert_eq!(store.pending(), 4);
    change(&*store, id(1), Event::Sent, 5).await;
    change(&*store, id(1), answered(200), 6).await;
    change(&*store, id(2), Event::Cancelled, 6).await;
    change(&*store, id(3), Event::Started, 6).await;
    assert_eq!(store.pending(), 2, "a request leaves once, by being sent or by its operation's end");
}

pub async fn the_lanes_are_those_that_hold_requests(subject: &impl Subject) {
    let store = open(subject);
    assert!(store.lanes().await.unwrap().is_empty());
    store.accept(vec![in_lane("call/b", operation(1)), in_lane("call/a", operation(2))]).await.unwrap();
    assert_eq!(store.lanes().await.unwrap(), ["call/a", "call/b"]);
    change(&*store, id(1), Event::Sent, 5).await;
    assert_eq!(store.lanes().await.unwrap(), ["call/a"], "an empty lane needs nobody");
}

pub async fn the_oldest_request_is_found_behind_thousands_of_newer(subject: &impl Subject) {
    const MANY: u64 = 5_000;
    let store = open(subject);
    for start in (0..MANY).step_by(500) {
        store.accept(operations(start..start + 500)).await.unwrap();
    }
    let all = waiting(&*store, LANE).await;
    assert_eq!(
        all,
        (0..MANY).map(id).collect::<Vec<_>>(),
        "a place is never skipped, wherever its request is kept"
    );
    let middle = store.claimed(LANE, 0, 2_500).await.unwrap()[2_499].seq;
    assert_eq!(store.claimed(LANE, middle, 1).await.unwrap()[0].operation, id(2_500));
}
