//! Nobody is handed more than was asked for, and a full broker says so.

use sidegate_broker::{Channel, Effect, ErrorKind, Outbound};

use crate::harness::Bounded;
use crate::trial::{MANY, Trial, ack, command, unique};

pub(crate) async fn no_more_than_the_prefetch_is_handed_out_unsettled(trial: &mut Trial) {
    const PREFETCH: usize = 3;
    let destination = unique("prefetch");
    let mut consumer = trial.receive(&destination, PREFETCH).await;
    trial.send(&destination, &["1", "2", "3", "4", "5"]).await;
    let mut unsettled = Vec::new();
    for _ in 0..PREFETCH {
        unsettled.push(consumer.next().await);
    }
    consumer.expect_nothing("as many are unsettled as the consumer asked for").await;
    if let Some(settled) = unsettled.pop() {
        ack(settled).await;
    }
    let next = consumer.next().await;
    consumer.expect_nothing("one settled makes room for one").await;
    ack(next).await;
}

pub(crate) async fn publishing_to_a_full_broker_is_refused_not_dropped(trial: &mut Trial) {
    let Some(Bounded { broker, messages_max }) = trial.harness.bounded().await else {
        return trial.skip("this broker has no bound that a test can reach");
    };
    let destination = unique("full");
    let prepared = broker.prepare(Channel::Command, &destination).await;
    assert!(prepared.is_ok(), "a sender can make its destination exist: {prepared:?}");
    let durable = broker.capabilities().durable;
    let mut accepted = 0;
    let error = loop {
        assert!(accepted <= messages_max, "a destination holds {messages_max} messages at most");
        let outbound = Outbound { durable, ..command(&destination, &format!("message-{accepted}")) };
        match trial.try_publish(&broker, outbound).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, ErrorKind::Full, "the sender must learn that the broker is full: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "what was refused is certainly not there");
    let mut consumer = trial.listen(&broker, Channel::Command, &destination, "service", MANY).await;
    let ids = consumer.take(accepted).await;
    let expected: Vec<_> = (0..accepted).map(|n| format!("message-{n}")).collect();
    assert_eq!(ids, expected, "whatever was accepted is delivered, and only that");
    let again = trial.try_publish(&broker, Outbound { durable, ..command(&destination, "room-again") }).await;
    assert!(again.is_ok(), "a drained broker takes messages again: {again:?}");
    consumer.expect("room-again").await;
}
