//! What comes again, when, and what never does.

use std::collections::BTreeSet;
use std::time::Duration;

use sidegate_broker::Delivery;
use tokio::time::Instant;

use crate::trial::{MANY, Trial, ack, command, retry, unique};

pub(crate) async fn a_delivery_dropped_unsettled_comes_again(trial: &mut Trial) {
    let destination = unique("dropped");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["dropped"]).await;
    drop(consumer.next().await);
    consumer.expect("dropped").await;
}

pub(crate) async fn the_attempt_rises_with_each_redelivery(trial: &mut Trial) {
    let destination = unique("counted");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["counted"]).await;
    for attempt in 1..=3 {
        let delivery = consumer.next().await;
        assert_eq!(delivery.attempt, attempt, "the attempt rises by one with each delivery");
        retry(delivery, Duration::ZERO).await;
    }
    drop(consumer.next().await);
    let delivery = consumer.next().await;
    assert_eq!(delivery.attempt, 5, "a delivery dropped unsettled counts as an attempt too");
    ack(delivery).await;
}

pub(crate) async fn a_message_given_back_comes_again_after_its_pause(trial: &mut Trial) {
    let destination = unique("later");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["later"]).await;
    let delivery = consumer.next().await;
    let given_back_at = Instant::now();
    retry(delivery, trial.patience.pause).await;
    let again = consumer.next().await;
    let waited = given_back_at.elapsed();
    // Brokers count in whole milliseconds.
    let pause = trial.patience.pause - Duration::from_millis(2);
    assert!(waited >= pause, "a message given back for {pause:?} came again after {waited:?}");
    assert_eq!(again.message.id, "later", "it is the same message");
    ack(again).await;
}

pub(crate) async fn a_pause_outlives_the_inbox_it_began_in(trial: &mut Trial) {
    let destination = unique("later");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["later"]).await;
    let delivery = consumer.next().await;
    let given_back_at = Instant::now();
    retry(delivery, trial.patience.pause).await;
    drop(consumer);
    let mut another = trial.receive(&destination, MANY).await;
    another.expect("later").await;
    let waited = given_back_at.elapsed();
    let pause = trial.patience.pause - Duration::from_millis(2);
    assert!(waited >= pause, "another inbox got it after {waited:?}, given back for {pause:?}");
}

pub(crate) async fn an_acknowledged_message_is_never_delivered_again(trial: &mut Trial) {
    let destination = unique("acked");
    let mut consumer = trial.receive(&destination, 1).await;
    trial.send(&destination, &["acked", "next"]).await;
    consumer.expect("acked").await;
    consumer.expect("next").await;
    drop(consumer);
    let mut another = trial.receive(&destination, MANY).await;
    another.expect_nothing("an acknowledged message is gone for everybody").await;
}

pub(crate) async fn a_rejected_message_is_never_delivered_again(trial: &mut Trial) {
    let destination = unique("rejected");
    let mut consumer = trial.receive(&destination, 1).await;
    trial.send(&destination, &["rejected", "next"]).await;
    let rejected = consumer.next().await.reject().await;
    assert!(rejected.is_ok(), "rejecting must succeed: {rejected:?}");
    consumer.expect("next").await;
    drop(consumer);
    let mut another = trial.receive(&destination, MANY).await;
    another.expect_nothing("a rejected message is gone for everybody").await;
}

pub(crate) async fn asking_for_the_next_and_giving_up_loses_nothing(trial: &mut Trial) {
    const MESSAGES: usize = 16;
    let destination = unique("glance");
    let mut consumer = trial.receive(&destination, MANY).await;
    let mut expected: BTreeSet<_> = (0..MESSAGES).map(|n| format!("glance-{n}")).collect();
    let deadline = Instant::now() + trial.patience.arrival;
    for id in expected.clone() {
        let early = consumer.poll_once();
        settle(early, &mut expected).await;
        trial.publish(command(&destination, &id)).await;
    }
    while !expected.is_empty() {
        assert!(Instant::now() < deadline, "messages were lost by asking and giving up: {expected:?}");
        let early = consumer.glance(Duration::from_millis(1)).await;
        settle(early, &mut expected).await;
    }
}

pub(crate) async fn what_a_dropped_inbox_held_goes_to_others(trial: &mut Trial) {
    let destination = unique("held");
    let mut consumer = trial.receive(&destination, 1).await;
    trial.send(&destination, &["in-hand", "held-1", "held-2", "held-3"]).await;
    let in_hand = consumer.next().await;
    consumer.expect_nothing("the consumer has as many as it asked for").await;
    drop(consumer);
    let mut another = trial.receive(&destination, MANY).await;
    let mut expected = BTreeSet::from(["held-1", "held-2", "held-3"].map(str::to_owned));
    while !expected.is_empty() {
        // The one in hand may come again where the broker takes it from who stops receiving.
        settle(Some(another.next().await), &mut expected).await;
    }
    drop(in_hand);
}

async fn settle(delivery: Option<Delivery>, expected: &mut BTreeSet<String>) {
    if let Some(delivery) = delivery {
        expected.remove(delivery.message.id.as_str());
        ack(delivery).await;
    }
}
