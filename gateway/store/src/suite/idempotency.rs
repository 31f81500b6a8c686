//! Repeats of a request under an idempotency key.

use futures_util::future::join_all;
use sidegate_core::operation::{Event, Status};

use super::samples::{RETENTION_MS, accept, answered, at, change, id, operation, with_key};
use super::{Subject, open, options};
use crate::{Accepted, StoreErrorKind};

pub async fn a_repeat_is_given_the_operation_of_the_first(subject: &impl Subject) {
    let store = open(subject);
    let first = accept(&*store, with_key(operation(1), 7, 1)).await;
    let repeat = store.accept(vec![with_key(operation(2), 7, 1)]).await.unwrap();
    assert_eq!(repeat, [Accepted::Existing(first)], "same key and request: the same operation");
    assert_eq!(store.operation(id(2)).await.unwrap(), None, "a repeat stores nothing");
    assert_eq!(store.pending(), 1, "a repeat is not sent again");
}

pub async fn a_repeat_within_one_batch_is_given_the_operation_of_the_first(subject: &impl Subject) {
    let store = open(subject);
    let batch =
        vec![with_key(operation(1), 7, 1), with_key(operation(2), 7, 1), with_key(operation(3), 7, 2)];
    let accepted = store.accept(batch).await.unwrap();
    let first = store.operation(id(1)).await.unwrap().expect("the first is stored");
    assert_eq!(accepted, [Accepted::New(first.clone()), Accepted::Existing(first), Accepted::KeyReused]);
    assert_eq!(store.pending(), 1, "one operation, one request");
}

pub async fn a_repeat_sees_what_became_of_the_operation(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, with_key(operation(1), 7, 1)).await;
    let ended = change(&*store, id(1), answered(201), 5).await;
    let repeat = store.accept(vec![with_key(operation(2), 7, 1)]).await.unwrap();
    assert_eq!(repeat, [Accepted::Existing(ended)], "after the end a repeat is given the same answer");
}

pub async fn another_request_under_the_same_key_is_told_so(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, with_key(operation(1), 7, 1)).await;
    assert_eq!(store.accept(vec![with_key(operation(2), 7, 2)]).await.unwrap(), [Accepted::KeyReused]);
    assert_eq!(store.operation(id(2)).await.unwrap(), None, "nothing of it is stored");
}

pub async fn a_hundred_at_once_make_one_operation(subject: &impl Subject) {
    let store = open(subject);
    let askers = (0..100).map(|number| {
        let store = store.clone();
        tokio::spawn(
            async move { store.accept(vec![with_key(operation(number), 7, 1)]).await.unwrap().remove(0) },
        )
    });
    let answers: Vec<_> = join_all(askers).await.into_iter().map(Result::unwrap).collect();
    let news: Vec<_> = answers.iter().filter(|answer| matches!(answer, Accepted::New(_))).collect();
    assert_eq!(news.len(), 1, "one of them was first");
    let Accepted::New(first) = news[0] else { panic!("just filtered") };
    let same =
        answers.iter().filter(|answer| matches!(answer, Accepted::Existing(existing) if existing == first));
    assert_eq!(same.count(), 99, "everybody else is given the operation of the first");
    assert_eq!(store.pending(), 1, "it is sent once");
}

pub async fn a_repeat_needs_no_room(subject: &impl Subject) {
    let store = subject.open(options(1));
    let first = accept(&*store, with_key(operation(1), 7, 1)).await;
    let repeats = vec![with_key(operation(2), 7, 1), with_key(operation(3), 7, 2)];
    let accepted = store.accept(repeats).await.expect("a full store still tells a repeat its operation");
    assert_eq!(accepted, [Accepted::Existing(first), Accepted::KeyReused]);
    let refused = store.accept(vec![with_key(operation(4), 8, 1)]).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::PendingFull, "another key is new work");
}

pub async fn a_key_is_free_again_when_its_operation_is_forgotten(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, with_key(operation(1), 7, 1)).await;
    change(&*store, id(1), Event::Cancelled, 5).await;
    store.sweep(at(6 + RETENTION_MS), 100).await.unwrap();
    let again = accept(&*store, with_key(operation(2), 7, 2)).await;
    assert_eq!(again.state.status, Status::Pending, "a key is kept as long as its operation, and no longer");
}
