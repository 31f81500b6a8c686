//! The connection is lost with messages in hand, behind their key and in a pause; the broker delivers all again.

use std::time::Duration;

use sidegate_broker::ErrorKind;
use tokio::time::Instant;

use crate::support::queue::Told;
use crate::support::{WIDE, expect, expect_nothing, inbox, keyed, plain, retry, take};

const PAUSE: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn a_copy_takes_the_place_the_pause_and_the_count_of_the_lost_one() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    drop(take(&mut inbox, "k-1", 1).await);
    let began = Instant::now();
    retry(take(&mut inbox, "k-1", 2).await, PAUSE).await;
    expect_nothing(&mut inbox, "k-1 is in its pause").await;
    queue.cut();
    expect(&mut inbox, "k-1", 3).await;
    assert!(began.elapsed() >= PAUSE, "a lost connection does not end a pause");
    expect(&mut inbox, "k-2", 1).await;
    expect_nothing(&mut inbox, "nothing comes twice").await;
    assert_eq!(queue.told(), ["k-1", "k-2"].map(|id| Told::Acked(id.into())), "each was settled once");
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_one_in_hand_comes_when_that_is_let_go_and_before_its_key() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    let first = take(&mut inbox, "k-1", 1).await;
    expect_nothing(&mut inbox, "the key waits").await;
    queue.cut();
    expect_nothing(&mut inbox, "the key waits, and the copy with it").await;
    let late = first.ack().await.expect_err("it is the broker's again");
    assert_eq!(late.error.kind, ErrorKind::Closed);
    drop(late);
    expect(&mut inbox, "k-1", 2).await;
    // It never went out, so nobody tried it.
    expect(&mut inbox, "k-2", 1).await;
    expect_nothing(&mut inbox, "nothing comes twice").await;
}

#[tokio::test(start_paused = true)]
async fn the_copy_of_one_in_hand_without_a_key_waits_for_it_too() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    let first = take(&mut inbox, "m", 1).await;
    queue.cut();
    expect_nothing(&mut inbox, "a message is in hand once").await;
    assert!(first.is_lost(), "who has it in hand can know");
    drop(first);
    expect(&mut inbox, "m", 2).await;
    expect_nothing(&mut inbox, "the lost one does not come from here").await;
}

#[tokio::test(start_paused = true)]
async fn what_went_to_somebody_else_is_not_handed_out_here() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    let first = take(&mut inbox, "k-1", 1).await;
    expect_nothing(&mut inbox, "the key waits").await;
    let elsewhere = queue.subscribe(8);
    queue.cut();
    let mut elsewhere = sidegate_order::ordered(Box::new(elsewhere), WIDE);
    let theirs = take(&mut elsewhere, "k-1", 2).await;
    drop(first);
    expect(&mut inbox, "k-2", 2).await;
    expect_nothing(&mut inbox, "k-1 is at work elsewhere").await;
    drop(theirs);
}

/// As far as an adapter can tell only by settling.
#[tokio::test(start_paused = true)]
async fn copies_stand_next_to_their_first_delivery_where_nobody_knows_that_it_is_lost() {
    let (queue, mut inbox) = inbox(WIDE);
    for id in ["k-1", "k-2"] {
        queue.push(&keyed("k", id));
    }
    let first = take(&mut inbox, "k-1", 1).await;
    expect_nothing(&mut inbox, "the key waits").await;
    queue.cut_unnoticed();
    expect_nothing(&mut inbox, "the key waits, and the copies with it").await;
    drop(first.ack().await.expect_err("it is the broker's again"));
    expect(&mut inbox, "k-1", 2).await;
    let second = take(&mut inbox, "k-2", 1).await;
    drop(second.ack().await.expect_err("it was lost too"));
    expect(&mut inbox, "k-2", 2).await;
    expect_nothing(&mut inbox, "all came again, in order").await;
}

#[tokio::test(start_paused = true)]
async fn one_known_to_be_lost_by_settling_is_forgotten_after_its_pause() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    let first = take(&mut inbox, "m", 1).await;
    queue.cut_unnoticed();
    let late = first.ack().await.expect_err("it is the broker's again");
    retry(late.delivery, PAUSE).await;
    expect(&mut inbox, "m", 2).await;
    expect_nothing(&mut inbox, "only the copy could be settled").await;
}
