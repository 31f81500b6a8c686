//! Accepting requests.

use super::samples::{accept, at, change, guessed_id, id, operation, operations};
use super::{Subject, open, options};
use crate::{Accepted, NewOperation, StoreErrorKind};
use sidegate_core::operation::{Event, EventKind, Status};

pub async fn an_accepted_operation_is_read_as_it_was_answered(subject: &impl Subject) {
    let store = open(subject);
    for new in [
        operation(1),
        NewOperation { principal: None, correlation_id: None, redrive_of: None, ..operation(2) },
    ] {
        let answered = accept(&*store, new.clone()).await;
        assert_eq!(
            store.operation(new.id).await.unwrap().as_ref(),
            Some(&answered),
            "what was promised is stored"
        );
        assert_eq!(answered.state.status, Status::Pending, "it has not reached the broker");
        assert_eq!(answered.route.as_ref(), new.route.as_str());
        assert_eq!(answered.principal, new.principal);
        assert_eq!(answered.correlation_id, new.correlation_id);
        assert_eq!(answered.redrive_of, new.redrive_of);
        assert_eq!(answered.state.deadline, new.deadline);
        assert_eq!(answered.expires_at, None, "an open operation is not forgotten");
        assert_eq!(answered.timeline.len(), 1, "its timeline begins");
        assert_eq!(answered.timeline[0].kind, EventKind::Accepted);
        assert_eq!(answered.timeline[0].at, new.created_at);
    }
}

pub async fn answers_stand_in_the_order_of_the_batch(subject: &impl Subject) {
    let store = open(subject);
    let accepted = store.accept(vec![operation(3), operation(1), operation(2)]).await.unwrap();
    let ids: Vec<_> = accepted
        .iter()
        .map(|accepted| match accepted {
            Accepted::New(operation) => operation.id,
            other => panic!("a new operation is expected, not {other:?}"),
        })
        .collect();
    assert_eq!(ids, [id(3), id(1), id(2)], "callers match answers to requests by their place");
}

pub async fn an_unknown_id_and_a_wrong_token_find_nothing(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    change(&*store, id(1), super::samples::answered(200), 5).await;
    assert_eq!(store.operation(id(2)).await.unwrap(), None, "nobody knows this id");
    assert_eq!(
        store.operation(guessed_id(1)).await.unwrap(),
        None,
        "the token is what makes the id a capability"
    );
    assert_eq!(store.answer(guessed_id(1)).await.unwrap(), None, "the answer is as secret as the operation");
}

pub async fn beyond_what_may_wait_nothing_of_the_batch_is_stored(subject: &impl Subject) {
    let store = subject.open(options(3));
    store.accept(operations(0..2)).await.unwrap();
    let refused = store.accept(operations(2..4)).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::PendingFull);
    assert_eq!(
        store.operation(id(2)).await.unwrap(),
        None,
        "a refused batch leaves nothing, though one had room"
    );
    assert_eq!(store.pending(), 2, "nothing refused is pending");
    accept(&*store, operation(2)).await;
    assert_eq!(store.pending(), 3, "up to the bound there is room");
}

pub async fn a_request_that_was_sent_makes_room(subject: &impl Subject) {
    let store = subject.open(options(1));
    accept(&*store, operation(1)).await;
    assert!(store.accept(vec![operation(2)]).await.is_err(), "full");
    change(&*store, id(1), Event::Sent, 5).await;
    accept(&*store, operation(2)).await;
}

pub async fn a_key_that_is_taken_is_refused_and_its_operation_stays(subject: &impl Subject) {
    let store = open(subject);
    let first = accept(&*store, operation(1)).await;
    let thief = NewOperation { id: guessed_id(1), created_at: at(7), ..operation(1) };
    assert!(store.accept(vec![operation(2), thief]).await.is_err(), "two operations cannot have one key");
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(first), "the first is as it was");
    assert_eq!(store.operation(id(2)).await.unwrap(), None, "nothing of a failed batch is stored");
    assert_eq!(store.pending(), 1, "nothing of a failed batch is pending");
    accept(&*store, operation(2)).await;
}

pub async fn the_last_key_is_the_highest_that_was_accepted(subject: &impl Subject) {
    let store = open(subject);
    assert_eq!(store.last_key(), 0, "an empty store has given out no key");
    store.accept(vec![operation(5), operation(2)]).await.unwrap();
    assert_eq!(store.last_key(), id(5).key(), "ids go on after the highest");
}
