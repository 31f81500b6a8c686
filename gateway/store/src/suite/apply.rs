//! Applying events.

use futures_util::future::join_all;
use sidegate_core::operation::{Event, EventKind, Refusal, Status};

use super::samples::{
    RETENTION_MS, TIMEOUT_MS, accept, answer, answered, apply, at, change, guessed_id, id, operation,
};
use super::{Subject, open};
use crate::{Applied, Outcome};

pub async fn an_event_changes_the_operation_and_nothing_else(subject: &impl Subject) {
    let store = open(subject);
    let before = accept(&*store, operation(1)).await;
    let other = accept(&*store, operation(2)).await;
    let sent = change(&*store, id(1), Event::Sent, 5).await;
    assert_eq!(
        store.operation(id(1)).await.unwrap().as_ref(),
        Some(&sent),
        "what was told is what is stored"
    );
    assert_eq!(sent.state.status, Status::Sent);
    assert_eq!(sent.state.revision, before.state.revision + 1, "watchers resume by revision");
    assert_eq!(sent.state.updated_at, at(5));
    assert_eq!(sent.state.deadline, before.state.deadline, "the deadline stays");
    assert_eq!(store.operation(id(2)).await.unwrap(), Some(other), "the neighbour is as it was");
}

pub async fn events_of_one_batch_build_on_each_other(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    let batch = vec![
        (id(1), Event::Sent),
        (id(1), Event::Started),
        (id(1), answered(200)),
        (id(1), Event::Cancelled),
    ];
    let applied = store.apply(batch, at(5)).await.unwrap();
    let statuses: Vec<_> = applied.iter().map(status_of).collect();
    assert_eq!(statuses, [Status::Sent, Status::Running, Status::Succeeded, Status::Succeeded]);
    assert!(
        matches!(applied[3], Applied::Unchanged(_, Refusal::Ended)),
        "each event meets the state before it"
    );
}

fn status_of(applied: &Applied) -> Status {
    match applied {
        Applied::Changed(operation) | Applied::Unchanged(operation, _) => operation.state.status,
        Applied::Unknown => panic!("the operation is there"),
    }
}

pub async fn of_two_answers_the_first_is_recorded(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    let ended = change(&*store, id(1), answered(409), 5).await;
    let late = apply(&*store, id(1), answered(200), 6).await;
    assert_eq!(late, Applied::Unchanged(ended.clone(), Refusal::Ended), "the outcome is recorded once");
    assert_eq!(store.answer(id(1)).await.unwrap(), Some(answer(409)), "the recorded answer stays");
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(ended));
}

pub async fn of_many_answers_at_once_one_is_recorded(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    let workers = (200..250).map(|status| {
        let store = store.clone();
        tokio::spawn(async move { (status, apply(&*store, id(1), answered(status), 5).await) })
    });
    let applied: Vec<_> = join_all(workers).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> =
        applied.iter().filter(|(_, applied)| matches!(applied, Applied::Changed(_))).collect();
    assert_eq!(winners.len(), 1, "one outcome");
    assert_eq!(
        store.answer(id(1)).await.unwrap(),
        Some(answer(winners[0].0)),
        "the winner's answer is the one stored"
    );
}

pub async fn an_answer_is_read_byte_for_byte(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    let ended = change(&*store, id(1), answered(201), 5).await;
    assert_eq!(store.answer(id(1)).await.unwrap(), Some(answer(201)));
    let body_bytes = answer(201).body.len() as u64;
    let outcome = Outcome { status: 201, content_type: Some("text/plain".into()), body_bytes };
    assert_eq!(ended.outcome, Some(outcome), "the outcome tells of the answer without its body");
}

pub async fn an_end_without_an_answer_has_none(subject: &impl Subject) {
    let store = open(subject);
    store.accept(vec![operation(1), operation(2)]).await.unwrap();
    let cancelled = change(&*store, id(1), Event::Cancelled, 5).await;
    let timed_out = change(&*store, id(2), Event::DeadlinePassed, TIMEOUT_MS + 2).await;
    for operation in [cancelled, timed_out] {
        assert_eq!(operation.outcome, None);
        assert_eq!(store.answer(operation.id).await.unwrap(), None);
    }
}

pub async fn an_ended_operation_says_when_it_is_forgotten(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    assert_eq!(change(&*store, id(1), Event::Sent, 4).await.expires_at, None, "an open operation is kept");
    let ended = change(&*store, id(1), Event::Exhausted(answer(502)), 5).await;
    assert_eq!(ended.expires_at, Some(at(5 + RETENTION_MS)), "retention counts from the end");
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(ended));
}

pub async fn the_timeline_tells_what_happened_when(subject: &impl Subject) {
    let store = open(subject);
    accept(&*store, operation(1)).await;
    change(&*store, id(1), Event::Sent, 5).await;
    change(&*store, id(1), Event::Started, 9).await;
    apply(&*store, id(1), Event::Resumed, 10).await;
    change(&*store, id(1), answered(200), 12).await;
    let timeline = store.operation(id(1)).await.unwrap().expect("it is there").timeline;
    let told: Vec<_> = timeline.iter().map(|entry| (entry.at, entry.kind)).collect();
    let expected = [
        (at(1), EventKind::Accepted),
        (at(5), EventKind::Sent),
        (at(9), EventKind::Started),
        (at(12), EventKind::Answered),
    ];
    assert_eq!(told, expected, "what changed nothing is not told");
}

pub async fn an_event_for_an_unknown_operation_is_told_so(subject: &impl Subject) {
    let store = open(subject);
    let before = accept(&*store, operation(1)).await;
    let batch = vec![(id(2), Event::Sent), (guessed_id(1), Event::Cancelled)];
    assert_eq!(store.apply(batch, at(5)).await.unwrap(), [Applied::Unknown, Applied::Unknown]);
    assert_eq!(store.operation(id(1)).await.unwrap(), Some(before), "a wrong token changes nothing");
}
