//! When a message comes again, and how often it was tried.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{ErrorKind, Inbox};
use sidegate_order::ordered;
use tokio::time::Instant;

use crate::support::queue::{Queue, Told};
use crate::support::{WIDE, ack, expect, expect_nothing, inbox, keyed, next, plain, retry, take};

const PAUSE: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_here_to_its_end_and_the_broker_hears_nothing() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    let began = Instant::now();
    retry(take(&mut inbox, "m", 1).await, PAUSE).await;
    let again = take(&mut inbox, "m", 2).await;
    assert_eq!(began.elapsed().as_secs(), PAUSE.as_secs(), "it came when its pause was over");
    assert_eq!((queue.told(), queue.unsettled()), (vec![], 1), "it was unsettled at the broker all the time");
    ack(again).await;
    assert_eq!(queue.told(), [Told::Acked("m".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_pause_that_begins_later_ends_first() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("slow"));
    queue.push(&plain("quick"));
    retry(take(&mut inbox, "slow", 1).await, PAUSE).await;
    let quick = take(&mut inbox, "quick", 1).await;
    // It begins while somebody waits already.
    let (again, ()) = tokio::join!(next(&mut inbox), retry(quick, PAUSE / 3));
    assert_eq!(again.message.id, "quick", "who waits for the longer pause hears of the shorter");
    ack(again).await;
    expect(&mut inbox, "slow", 2).await;
}

#[tokio::test(start_paused = true)]
async fn no_pause_is_no_pause() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    let began = Instant::now();
    for attempt in 1..=3 {
        retry(take(&mut inbox, "m", attempt).await, Duration::ZERO).await;
    }
    drop(take(&mut inbox, "m", 4).await);
    expect(&mut inbox, "m", 5).await;
    assert_eq!(began.elapsed(), Duration::ZERO, "it came at once each time");
}

#[tokio::test(start_paused = true)]
async fn attempts_made_here_are_added_to_the_brokers_own() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    retry(take(&mut inbox, "m", 1).await, Duration::ZERO).await;
    retry(take(&mut inbox, "m", 2).await, PAUSE).await;
    drop(inbox);
    let mut another = ordered(Box::new(queue.subscribe(1)), WIDE);
    retry(take(&mut another, "m", 2).await, Duration::ZERO).await;
    expect(&mut another, "m", 3).await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_settled_comes_again_but_not_in_a_spin() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    queue.refuse(ErrorKind::Timeout);
    let refused = take(&mut inbox, "k-1", 1).await.ack().await.expect_err("the queue refuses");
    assert_eq!(refused.error.kind, ErrorKind::Timeout, "the caller learns why");
    drop(refused);
    expect_nothing(&mut inbox, "a broker that is away is not asked in a spin").await;
    expect(&mut inbox, "k-1", 2).await;
    expect(&mut inbox, "k-2", 1).await;
}

#[tokio::test(start_paused = true)]
async fn settling_can_be_tried_again_with_the_same_delivery() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&plain("m"));
    queue.refuse(ErrorKind::Unreachable);
    let refused = take(&mut inbox, "m", 1).await.ack().await.expect_err("the queue refuses once");
    ack(refused.delivery).await;
    expect_nothing(&mut inbox, "it was acknowledged the second time").await;
    assert_eq!(queue.unsettled(), 0, "and the broker has it");
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_end_is_one() {
    let queue = Arc::new(Queue::default());
    let mut inbox: Box<dyn Inbox> = ordered(Box::new(queue.subscribe(2)), WIDE);
    queue.push(&plain("m"));
    retry(take(&mut inbox, "m", 1).await, Duration::MAX).await;
    expect_nothing(&mut inbox, "it was given back for good").await;
}
