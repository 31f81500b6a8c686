//! The inbox is dropped, or the raw side ends.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{ErrorKind, Inbox};
use sidegate_order::{Window, ordered};

use crate::support::queue::{Queue, Told};
use crate::support::{WIDE, ack, expect_nothing, inbox, keyed, next, plain, retry, take};

#[tokio::test(start_paused = true)]
async fn a_dropped_inbox_gives_back_what_waits_the_oldest_first() {
    let (queue, mut inbox) = inbox(Window { prefetch: 1, held_max: 8 });
    for id in ["paused", "in-hand", "held-1", "held-2"] {
        queue.push(&plain(id));
    }
    retry(take(&mut inbox, "paused", 1).await, Duration::from_secs(9)).await;
    let in_hand = take(&mut inbox, "in-hand", 1).await;
    expect_nothing(&mut inbox, "one may be in hand").await;
    drop(inbox);
    let abandoned = ["paused", "held-1", "held-2"].map(|id| Told::Abandoned(id.into()));
    assert_eq!(queue.told(), abandoned, "others can have them now");
    ack(in_hand).await;
    assert_eq!(queue.told().last(), Some(&Told::Acked("in-hand".into())), "settling outlives the inbox");
}

#[tokio::test(start_paused = true)]
async fn what_stands_behind_one_in_hand_is_given_back_after_it() {
    let (queue, mut inbox) = inbox(WIDE);
    for id in ["k-1", "k-2", "k-3"] {
        queue.push(&keyed("k", id));
    }
    let first = take(&mut inbox, "k-1", 1).await;
    expect_nothing(&mut inbox, "the key waits").await;
    drop(inbox);
    assert_eq!(queue.told(), [], "nobody can have k-2 while k-1 is unsettled");
    ack(first).await;
    let told = [Told::Acked("k-1".into()), Told::Abandoned("k-2".into()), Told::Abandoned("k-3".into())];
    assert_eq!(queue.told(), told, "the rest of the key follows in its order");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_outlives_its_inbox_is_given_back_to_the_broker() {
    let (queue, mut inbox) = inbox(WIDE);
    for message in [plain("retried"), keyed("k", "dropped"), keyed("k", "behind"), plain("rejected")] {
        queue.push(&message);
    }
    let retried = take(&mut inbox, "retried", 1).await;
    let dropped = take(&mut inbox, "dropped", 1).await;
    let rejected = take(&mut inbox, "rejected", 1).await;
    drop(inbox);
    retry(retried, Duration::from_secs(7)).await;
    assert!(rejected.reject().await.is_ok(), "rejecting outlives the inbox");
    drop(dropped);
    let told = [
        Told::GivenBack("retried".into(), Duration::from_secs(7)),
        Told::Rejected("rejected".into()),
        Told::Abandoned("dropped".into()),
        Told::Abandoned("behind".into()),
    ];
    assert_eq!(queue.told(), told, "nothing is kept for an inbox that is gone");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_raw_side_is_passed_on_also_when_there_is_no_room() {
    let queue = Arc::new(Queue::default());
    let raw = queue.subscribe(8);
    let id = raw.id();
    let mut inbox: Box<dyn Inbox> = ordered(Box::new(raw), Window { prefetch: 1, held_max: 8 });
    queue.push(&plain("in-hand"));
    queue.push(&plain("held"));
    let in_hand = take(&mut inbox, "in-hand", 1).await;
    let (end, ()) = tokio::join!(inbox.next(), async { queue.end(id) });
    assert!(end.is_none(), "there will be no more: {end:?}");
    assert!(inbox.next().await.is_none(), "an end is an end");
    let late = in_hand.ack().await.expect_err("it went to somebody else");
    assert_eq!(late.error.kind, ErrorKind::Closed, "the raw side says so");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_raw_side_is_not_overlooked_while_there_is_always_something() {
    let queue = Arc::new(Queue::default());
    let raw = queue.subscribe(64);
    let id = raw.id();
    let mut inbox: Box<dyn Inbox> = ordered(Box::new(raw), WIDE);
    for n in 0..4 {
        queue.push(&plain(&format!("m-{n}")));
    }
    let taken = [next(&mut inbox).await, next(&mut inbox).await, next(&mut inbox).await];
    drop(taken);
    queue.cut_unnoticed();
    queue.end(id);
    assert!(inbox.next().await.is_none(), "three could go out again, but nobody may have them any more");
}

#[tokio::test(start_paused = true)]
async fn settling_that_is_broken_off_leaves_the_message_to_the_broker() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    let first = take(&mut inbox, "k-1", 1).await;
    queue.hang();
    let broken_off = tokio::time::timeout(Duration::from_secs(1), first.ack()).await;
    assert!(broken_off.is_err(), "the broker does not answer");
    assert_eq!(queue.told(), [Told::Abandoned("k-1".into())], "the broker decides what becomes of it");
    let next = next(&mut inbox).await;
    assert!(["k-1", "k-2"].contains(&next.message.id.as_str()), "the key is not blocked for ever");
}
