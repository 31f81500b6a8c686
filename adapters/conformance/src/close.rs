//! Closing lets go of everything, at once and for good, and of nothing that is somebody else's.

use std::sync::Arc;

use sidegate_broker::{Broker, Channel, Effect, ErrorKind};

use crate::trial::{MANY, Trial, command, unique};

async fn close(trial: &Trial, broker: &Arc<dyn Broker>) {
    let closed = tokio::time::timeout(trial.patience.arrival, broker.close(trial.patience.arrival / 2)).await;
    assert!(closed.is_ok(), "closing an idle connection ends within its grace");
}

pub(crate) async fn after_close_publishing_is_refused_as_not_applied(trial: &mut Trial) {
    let destination = unique("closed");
    let broker = Arc::clone(&trial.broker);
    close(trial, &broker).await;
    let refused = trial.try_publish(&broker, command(&destination, "late")).await;
    let error = refused.expect_err("a closed connection takes no message");
    assert_eq!(error.kind, ErrorKind::Closed, "the sender must learn that it was closed: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "the message is certainly not there");
    assert!(broker.probe().await.problem.is_some(), "a closed connection does not count as well");
}

pub(crate) async fn after_close_an_inbox_ends(trial: &mut Trial) {
    let broker = Arc::clone(&trial.broker);
    let mut idle = trial.receive(&unique("idle"), 1).await;
    let busy_destination = unique("busy");
    let mut busy = trial.receive(&busy_destination, 1).await;
    trial.send(&busy_destination, &["first", "second"]).await;
    let unsettled = busy.next().await;
    // One waits when the connection is closed, the other has as much unsettled as it may.
    tokio::join!(close(trial, &broker), idle.expect_end(), busy.expect_end());
    drop(unsettled);
}

pub(crate) async fn what_was_not_settled_before_close_is_delivered_again(trial: &mut Trial) {
    let destination = unique("released");
    let other = trial.second_connection().await;
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["released"]).await;
    let unsettled = consumer.next().await;
    let broker = Arc::clone(&trial.broker);
    close(trial, &broker).await;
    let mut elsewhere = trial.listen(&other, Channel::Command, &destination, "service", MANY).await;
    let again = elsewhere.next().await;
    assert_eq!(again.message.id, "released", "another connection gets what the closed one had not settled");
    let late = unsettled.ack().await;
    assert!(late.is_err(), "a message that went to somebody else cannot be acknowledged any more");
    crate::trial::ack(again).await;
}

pub(crate) async fn closing_one_connection_leaves_the_others_alone(trial: &mut Trial) {
    let destination = unique("neighbour");
    let other = trial.second_connection().await;
    let mut consumer = trial.listen(&other, Channel::Command, &destination, "service", MANY).await;
    trial.send(&destination, &["before"]).await;
    let broker = Arc::clone(&trial.broker);
    close(trial, &broker).await;
    consumer.expect("before").await;
    let sent = trial.try_publish(&other, command(&destination, "after")).await;
    assert!(sent.is_ok(), "the other connection goes on publishing: {sent:?}");
    consumer.expect("after").await;
}
