//! A broker that restarts keeps what it confirmed, and a lost connection is not an end.

use crate::trial::{MANY, Trial, command, event, retry, unique};

pub(crate) async fn a_durable_message_survives_a_restart(trial: &mut Trial) {
    let destination = unique("durable");
    trial.send(&destination, &["kept-1", "kept-2"]).await;
    trial.restart().await;
    let mut consumer = trial.receive(&destination, 1).await;
    consumer.expect("kept-1").await;
    consumer.expect("kept-2").await;
}

pub(crate) async fn what_was_unsettled_at_a_restart_is_delivered_again(trial: &mut Trial) {
    let destination = unique("unsettled");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["unsettled"]).await;
    let unsettled = consumer.next().await;
    drop(consumer);
    trial.restart().await;
    let mut consumer = trial.receive(&destination, MANY).await;
    consumer.expect("unsettled").await;
    drop(unsettled);
}

pub(crate) async fn an_acknowledged_message_stays_gone_after_a_restart(trial: &mut Trial) {
    let destination = unique("gone");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["gone"]).await;
    consumer.expect("gone").await;
    drop(consumer);
    trial.restart().await;
    let mut consumer = trial.receive(&destination, MANY).await;
    consumer.expect_nothing("what was acknowledged does not come back with the broker").await;
}

pub(crate) async fn the_attempt_is_remembered_over_a_restart(trial: &mut Trial) {
    let destination = unique("counted");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["counted"]).await;
    retry(consumer.next().await, std::time::Duration::ZERO).await;
    drop(consumer);
    trial.restart().await;
    let again = trial.receive(&destination, MANY).await.next().await;
    assert!(again.attempt >= 2, "attempt {} forgets one that was made before the restart", again.attempt);
}

pub(crate) async fn an_event_subscription_survives_a_restart(trial: &mut Trial) {
    let destination = unique("news");
    drop(trial.subscribe(&destination, "sleeper").await);
    trial.restart().await;
    trial.publish(event(&destination, "meanwhile")).await;
    let mut subscriber = trial.subscribe(&destination, "sleeper").await;
    subscriber.expect("meanwhile").await;
}

pub(crate) async fn an_inbox_goes_on_after_its_connection_was_cut(trial: &mut Trial) {
    let destination = unique("cut");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["before"]).await;
    consumer.expect("before").await;
    if !trial.harness.cut().await {
        return trial.skip("there is no network to cut");
    }
    publish_until_taken(trial, &destination, "after").await;
    consumer.expect("after").await;
}

pub(crate) async fn publishing_goes_on_after_the_connection_was_cut(trial: &mut Trial) {
    let destination = unique("cut");
    trial.send(&destination, &["before"]).await;
    if !trial.harness.cut().await {
        return trial.skip("there is no network to cut");
    }
    publish_until_taken(trial, &destination, "after").await;
    let mut consumer = trial.receive(&destination, 1).await;
    consumer.expect("before").await;
    consumer.expect("after").await;
}

/// While an adapter connects again it may refuse, with an error that passes by itself. After one of unknown effect the
/// message may be there or not: it is sent again under the same id, as a gateway does, and may come twice.
async fn publish_until_taken(trial: &Trial, destination: &str, id: &str) {
    let deadline = tokio::time::Instant::now() + trial.patience.arrival;
    while let Err(error) = trial.try_publish(&trial.broker, command(destination, id)).await {
        assert!(error.passes_by_itself(), "a lost connection passes by itself: {error}");
        assert!(tokio::time::Instant::now() < deadline, "the adapter must connect again: {error}");
        tokio::time::sleep(trial.patience.silence / 4).await;
    }
}
