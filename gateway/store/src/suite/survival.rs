//! What a restart must not take away.

use futures_util::future::join_all;
use sidegate_core::operation::Event;

use super::samples::{
    LANE, TIMEOUT_MS, accept, answer, answered, at, change, executed, id, in_lane, inbox_record, operation,
    operations, parked_message, queued_message, with_key,
};
use super::{Subject, open};
use crate::{Accepted, Filter, StoreErrorKind};

pub async fn operations_and_answers_survive_a_restart(subject: &impl Subject) {
    let store = open(subject);
    let pending = accept(&*store, operation(1)).await;
    accept(&*store, operation(2)).await;
    let ended = change(&*store, id(2), answered(201), 5).await;
    drop(store);
    let store = open(subject);
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(pending));
    assert_eq!(store.operation(id(2)).await.unwrap(), Some(ended));
    assert_eq!(store.answer(id(2)).await.unwrap(), Some(answer(201)), "the outcome outlives the process");
}

pub async fn requests_not_yet_sent_survive_in_their_order(subject: &impl Subject) {
    let store = open(subject);
    store
        .accept(vec![operation(3), operation(1), operation(2), in_lane("call/a", operation(4))])
        .await
        .unwrap();
    change(&*store, id(1), Event::Sent, 5).await;
    change(&*store, id(4), Event::Started, 5).await;
    let before = (store.claimed(LANE, 0, 10).await.unwrap(), store.claimed("call/a", 0, 10).await.unwrap());
    drop(store);
    let store = open(subject);
    assert_eq!(store.pending(), 3, "what was not sent is still pending");
    let after = (store.claimed(LANE, 0, 10).await.unwrap(), store.claimed("call/a", 0, 10).await.unwrap());
    assert_eq!(after, before, "complete, in order, with the attempts that were begun");
    assert_eq!(store.lanes().await.unwrap(), [LANE, "call/a"]);
}

pub async fn requests_accepted_after_a_restart_stand_behind_those_before(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(1..3)).await.unwrap();
    drop(store);
    let store = open(subject);
    accept(&*store, operation(3)).await;
    let claimed = store.claimed(LANE, 0, 10).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.operation).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
    let behind = store.claimed(LANE, claimed[1].seq, 10).await.unwrap();
    assert_eq!(behind, claimed[2..], "reading goes on over the seam");
}

pub async fn idempotency_keys_survive(subject: &impl Subject) {
    let store = open(subject);
    let first = accept(&*store, with_key(operation(1), 7, 1)).await;
    drop(store);
    let repeat = open(subject).accept(vec![with_key(operation(2), 7, 1)]).await.unwrap();
    assert_eq!(repeat, [Accepted::Existing(first)], "a repeat after a restart is a repeat");
}

pub async fn what_was_executed_is_remembered(subject: &impl Subject) {
    let store = open(subject);
    store.record(vec![inbox_record(1, executed(200))]).await.unwrap();
    drop(store);
    let found = open(subject).executed("create-order", "message-1").await.unwrap();
    assert_eq!(found, Some(executed(200)), "a redelivery after a crash is answered, not executed");
}

pub async fn parked_messages_survive(subject: &impl Subject) {
    let store = open(subject);
    let id = store.park(vec![parked_message(1)]).await.unwrap()[0];
    drop(store);
    let found = open(subject).parked(id).await.unwrap().expect("it is on the shelf");
    assert_eq!(found.parked, parked_message(1));
}

pub async fn queued_messages_survive_with_their_attempts(subject: &impl Subject) {
    let store = open(subject);
    let positions = store.enqueue((0..3).map(|number| queued_message("a", number)).collect()).await.unwrap();
    store.dequeue(vec![positions[0]]).await.unwrap();
    store.postpone(positions[1], 2, at(70)).await.unwrap();
    store.bind("orders", "a").await.unwrap();
    let before = store.queued("a", 0, 10).await.unwrap();
    drop(store);
    let store = open(subject);
    assert_eq!(store.queued("a", 0, 10).await.unwrap(), before);
    assert_eq!(
        store.bindings().await.unwrap(),
        [("orders".into(), "a".into())],
        "subscribers keep their copies"
    );
}

pub async fn a_position_is_not_used_again_after_a_restart(subject: &impl Subject) {
    let store = open(subject);
    let before = store.enqueue(vec![queued_message("a", 1)]).await.unwrap()[0];
    store.dequeue(vec![before]).await.unwrap();
    drop(store);
    let after = open(subject).enqueue(vec![queued_message("a", 2)]).await.unwrap()[0];
    assert!(after > before, "a late settlement of the old message must not remove the new one");
}

pub async fn deadlines_survive(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    drop(store);
    let store = open(subject);
    assert_eq!(store.next_deadline().await.unwrap(), Some(at(1 + TIMEOUT_MS)));
    assert_eq!(store.overdue(at(1 + TIMEOUT_MS), 10).await.unwrap(), [id(1)]);
}

pub async fn the_secret_and_the_last_key_survive(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    let secret = store.secret();
    drop(store);
    let store = open(subject);
    assert_eq!(store.secret(), secret, "tokens given out stay good");
    assert_eq!(store.last_key(), id(1).key(), "ids go on, whatever the clock says");
}

pub async fn every_holder_has_a_higher_epoch(subject: &impl Subject) {
    let store = open(subject);
    let before = store.renew_lease(at(0), at(10)).await.unwrap();
    drop(store);
    let after = open(subject).renew_lease(at(20), at(30)).await.unwrap();
    assert!(after.epoch > before.epoch, "what an older holder writes can be told apart");
}

pub async fn what_was_queued_is_written_before_closing_ends(subject: &impl Subject) {
    let store = open(subject);
    let writes: Vec<_> = (0..50)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.accept(vec![operation(number)]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let answers = join_all(writes).await.into_iter().map(Result::unwrap);
    let refusals_are_honest = |answer: &crate::Result<_>| match answer {
        Ok(_) => true,
        Err(error) => error.kind == StoreErrorKind::Closed,
    };
    let accepted: Vec<bool> =
        answers.inspect(|answer| assert!(refusals_are_honest(answer))).map(|a| a.is_ok()).collect();
    drop(store);
    let store = open(subject);
    for (number, accepted) in (0..).zip(accepted) {
        let found = store.operation(id(number)).await.unwrap().is_some();
        assert_eq!(found, accepted, "what was accepted is there, what was refused is not");
    }
}

pub async fn a_backup_is_a_store_with_the_same_content(subject: &impl Subject) {
    let store = open(subject);
    store.accept(operations(0..50)).await.unwrap();
    change(&*store, id(1), answered(201), 5).await;
    store.enqueue(vec![queued_message("a", 1)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy_path = folder.path().join("copy.db");
    store.backup(&copy_path).await.unwrap();
    accept(&*store, operation(60)).await;
    let copy = crate::SqliteStore::open(&copy_path, super::options(super::PENDING_MAX)).unwrap();
    let copy: &dyn crate::Store = &copy;
    let all = Filter { limit: 100, ..Filter::default() };
    let since_backup = store.list(all.clone()).await.unwrap().items;
    assert_eq!(copy.list(all).await.unwrap().items, since_backup[1..], "as it was when the backup was taken");
    assert_eq!(copy.answer(id(1)).await.unwrap(), store.answer(id(1)).await.unwrap());
    assert_eq!(copy.pending(), 49);
    assert_eq!(copy.secret(), store.secret());
    assert_eq!(copy.queued("a", 0, 10).await.unwrap(), store.queued("a", 0, 10).await.unwrap());
}

pub async fn a_backup_never_overwrites_a_file(subject: &impl Subject) {
    let store = open(subject);
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "precious").unwrap();
    assert!(store.backup(&taken).await.is_err());
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "precious", "as it was");
    assert!(store.backup(&folder.path().join("missing/copy.db")).await.is_err());
}
