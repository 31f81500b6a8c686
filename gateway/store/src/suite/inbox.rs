//! The idempotent receiver's memory.

use super::samples::{at, awaiting, executed, inbox_record};
use super::{Subject, open};
use crate::{Executed, InboxRecord};

pub async fn what_was_not_executed_is_unknown(subject: &impl Subject) {
    let store = open(subject);
    assert_eq!(store.executed("create-order", "message-1").await.unwrap(), None);
}

pub async fn an_answer_is_given_back_as_it_was_recorded(subject: &impl Subject) {
    let store = open(subject);
    for (number, status) in [(1, 200), (2, 502)] {
        let stands = store.record(vec![inbox_record(number, executed(status))]).await.unwrap();
        assert_eq!(stands, [executed(status)], "the first answer stands");
        let message_id = format!("message-{number}");
        assert_eq!(store.executed("create-order", &message_id).await.unwrap(), Some(executed(status)));
    }
}

pub async fn who_awaits_an_outcome_keeps_the_way_back(subject: &impl Subject) {
    let store = open(subject);
    let nobody_waits =
        Executed::Awaiting { broker: "main".into(), reply_to: None, correlation_id: None, deadline: None };
    store.record(vec![inbox_record(1, awaiting()), inbox_record(2, nobody_waits.clone())]).await.unwrap();
    assert_eq!(store.executed("create-order", "message-1").await.unwrap(), Some(awaiting()));
    assert_eq!(store.executed("create-order", "message-2").await.unwrap(), Some(nobody_waits));
}

pub async fn an_answer_takes_the_place_of_waiting(subject: &impl Subject) {
    let store = open(subject);
    store.record(vec![inbox_record(1, awaiting())]).await.unwrap();
    assert_eq!(store.record(vec![inbox_record(1, executed(200))]).await.unwrap(), [executed(200)]);
    assert_eq!(store.executed("create-order", "message-1").await.unwrap(), Some(executed(200)));
}

pub async fn an_answer_is_never_replaced(subject: &impl Subject) {
    let store = open(subject);
    store.record(vec![inbox_record(1, executed(200))]).await.unwrap();
    for other in [executed(409), awaiting()] {
        let stands = store.record(vec![inbox_record(1, other)]).await.unwrap();
        assert_eq!(stands, [executed(200)], "the answer that stands is told in place of the new one");
        assert_eq!(store.executed("create-order", "message-1").await.unwrap(), Some(executed(200)));
    }
}

pub async fn within_one_batch_the_first_answer_stands(subject: &impl Subject) {
    let store = open(subject);
    let batch = [awaiting(), executed(201), executed(409)].map(|executed| inbox_record(1, executed));
    assert_eq!(store.record(batch.to_vec()).await.unwrap(), [awaiting(), executed(201), executed(201)]);
}

pub async fn consumers_remember_apart_from_each_other(subject: &impl Subject) {
    let store = open(subject);
    let elsewhere = InboxRecord { consumer: "audit".into(), ..inbox_record(1, executed(204)) };
    store.record(vec![inbox_record(1, executed(200)), elsewhere]).await.unwrap();
    assert_eq!(store.executed("create-order", "message-1").await.unwrap(), Some(executed(200)));
    assert_eq!(store.executed("audit", "message-1").await.unwrap(), Some(executed(204)));
}

pub async fn everything_of_an_operation_is_found(subject: &impl Subject) {
    let store = open(subject);
    let record = |message: &str, consumer: &str, operation: &str| InboxRecord {
        consumer: consumer.into(),
        message_id: message.into(),
        operation_id: operation.into(),
        executed: awaiting(),
        expires_at: at(1),
    };
    let own = record("o-1", "audit", "o-1");
    let (second, redriven) = (record("o-1", "bill", "o-1"), record("o-2", "audit", "o-1"));
    let foreign = record("o-3", "audit", "o-4");
    let batch = vec![redriven.clone(), second.clone(), own.clone(), foreign, record("o-10", "audit", "o-10")];
    store.record(batch).await.unwrap();
    assert_eq!(
        store.executed_for("o-1").await.unwrap(),
        [own, second, redriven],
        "over all consumers and messages"
    );
    assert_eq!(
        store.executed_for("o-3").await.unwrap(),
        [],
        "a message's id is not its operation's, if that has another"
    );
}
