//! What waits for what.

use std::time::Duration;

use crate::support::{WIDE, ack, expect, expect_nothing, inbox, keyed, plain, retry, take};

#[tokio::test(start_paused = true)]
async fn messages_of_a_key_go_out_one_by_one_and_others_pass_them() {
    let (queue, mut inbox) = inbox(WIDE);
    for message in [keyed("k", "k-1"), keyed("k", "k-2"), keyed("j", "j-1"), plain("p-1"), plain("p-2")] {
        queue.push(&message);
    }
    let first = take(&mut inbox, "k-1", 1).await;
    let aside = [take(&mut inbox, "j-1", 1).await, take(&mut inbox, "p-1", 1).await];
    expect(&mut inbox, "p-2", 1).await;
    expect_nothing(&mut inbox, "k-2 waits while k-1 is unsettled").await;
    ack(first).await;
    expect(&mut inbox, "k-2", 1).await;
    drop(aside);
}

#[tokio::test(start_paused = true)]
async fn a_message_given_back_keeps_its_key_waiting_and_nobody_else() {
    let (queue, mut inbox) = inbox(WIDE);
    for message in [keyed("k", "k-1"), keyed("k", "k-2"), keyed("j", "j-1")] {
        queue.push(&message);
    }
    retry(take(&mut inbox, "k-1", 1).await, Duration::from_secs(5)).await;
    expect(&mut inbox, "j-1", 1).await;
    expect_nothing(&mut inbox, "k-2 waits while k-1 is in its pause").await;
    expect(&mut inbox, "k-1", 2).await;
    expect(&mut inbox, "k-2", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_dropped_unsettled_comes_before_later_ones_of_its_key() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    drop(take(&mut inbox, "k-1", 1).await);
    expect(&mut inbox, "k-1", 2).await;
    expect(&mut inbox, "k-2", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_rejected_message_lets_its_key_go_on() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    let rejected = take(&mut inbox, "k-1", 1).await.reject().await;
    assert!(rejected.is_ok(), "rejecting succeeds: {rejected:?}");
    expect(&mut inbox, "k-2", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_known_twice_goes_out_once_at_a_time() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("same"));
    queue.push(&plain("same"));
    let first = take(&mut inbox, "same", 1).await;
    expect_nothing(&mut inbox, "its copy waits while it is in hand").await;
    ack(first).await;
    expect(&mut inbox, "same", 1).await;
    assert_eq!(queue.unsettled(), 0, "both are settled");
}

#[tokio::test(start_paused = true)]
async fn messages_without_key_and_id_wait_for_nobody() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain(""));
    queue.push(&plain(""));
    let first = take(&mut inbox, "", 1).await;
    expect(&mut inbox, "", 1).await;
    ack(first).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_the_id_of_somebody_else() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("name", "k-1"));
    queue.push(&plain("name"));
    let first = take(&mut inbox, "k-1", 1).await;
    expect(&mut inbox, "name", 1).await;
    ack(first).await;
}
