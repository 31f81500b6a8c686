//! How many are in hand, how many are held, and what waiting for room hears.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sidegate_order::{Window, ordered};

use crate::support::queue::Queue;
use crate::support::{WIDE, ack, expect, expect_nothing, inbox, keyed, next, plain, retry, take};

const NARROW: Window = Window { prefetch: 2, held_max: 4 };

#[tokio::test(start_paused = true)]
async fn no_more_than_the_prefetch_is_in_hand_and_no_more_than_may_be_is_held() {
    let (queue, mut inbox) = inbox(NARROW);
    for n in 1..=9 {
        queue.push(&plain(&format!("m-{n}")));
    }
    let first = take(&mut inbox, "m-1", 1).await;
    let second = take(&mut inbox, "m-2", 1).await;
    expect_nothing(&mut inbox, "two may be in hand").await;
    assert_eq!(queue.unsettled(), NARROW.held_max, "the rest stays at the broker");
    ack(second).await;
    let third = take(&mut inbox, "m-3", 1).await;
    expect_nothing(&mut inbox, "one settled makes room for one").await;
    ack(first).await;
    ack(third).await;
    for n in 4..=9 {
        expect(&mut inbox, &format!("m-{n}"), 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_side_that_brings_too_many_is_not_asked_for_more() {
    let queue = Arc::new(Queue::default());
    let mut inbox = ordered(Box::new(queue.subscribe(usize::MAX)), NARROW);
    for n in 1..=9 {
        queue.push(&keyed("k", &format!("m-{n}")));
    }
    let first = take(&mut inbox, "m-1", 1).await;
    expect_nothing(&mut inbox, "the key waits").await;
    assert_eq!(queue.unsettled(), NARROW.held_max + 1, "one more is taken to learn whether there is an end");
    ack(first).await;
    for n in 2..=9 {
        expect(&mut inbox, &format!("m-{n}"), 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_hears_of_it() {
    let (queue, mut inbox) = inbox(Window { prefetch: 1, held_max: 1 });
    queue.push(&plain("m-1"));
    queue.push(&plain("m-2"));
    let first = take(&mut inbox, "m-1", 1).await;
    let (second, ()) = tokio::join!(next(&mut inbox), ack(first));
    assert_eq!(second.message.id, "m-2", "an acknowledgement wakes who waits for room");
    let (again, ()) = tokio::join!(next(&mut inbox), async { drop(second) });
    assert_eq!((again.message.id.as_str(), again.attempt), ("m-2", 2), "and so does a drop");
    ack(again).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_that_a_key_goes_on() {
    let (queue, mut inbox) = inbox(WIDE);
    queue.push(&keyed("k", "k-1"));
    queue.push(&keyed("k", "k-2"));
    let first = take(&mut inbox, "k-1", 1).await;
    let (second, ()) = tokio::join!(next(&mut inbox), ack(first));
    assert_eq!(second.message.id, "k-2");
    ack(second).await;
}

#[tokio::test(start_paused = true)]
async fn asking_and_giving_up_loses_nothing() {
    let (queue, mut inbox) = inbox(WIDE);
    let mut came = Vec::new();
    for n in 1..=6 {
        assert!(inbox.next().now_or_never().is_none(), "nothing is there");
        queue.push(&keyed("k", &format!("m-{n}")));
        let unsettled = next(&mut inbox).await;
        assert!(inbox.next().now_or_never().is_none(), "nothing else is there");
        came.push(unsettled.message.id.clone());
        ack(unsettled).await;
    }
    assert_eq!(came, ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]);
}

#[test]
fn a_window_has_room_beside_what_is_in_hand() {
    assert_eq!(Window::of(1), Window { prefetch: 1, held_max: 65 });
    assert_eq!(Window::of(100), Window { prefetch: 100, held_max: 200 });
    assert_eq!(Window::of(0).prefetch, 1, "nothing could be received through no hands");
}

#[tokio::test(start_paused = true)]
async fn who_is_full_of_pauses_takes_more_when_one_is_settled() {
    let queue = Arc::new(Queue::default());
    let mut inbox = ordered(Box::new(queue.subscribe(usize::MAX)), Window { prefetch: 2, held_max: 2 });
    for id in ["a", "b", "c", "d"] {
        queue.push(&plain(id));
    }
    for id in ["a", "b"] {
        retry(take(&mut inbox, id, 1).await, Duration::from_secs(9)).await;
    }
    let third = take(&mut inbox, "c", 1).await;
    expect_nothing(&mut inbox, "there is no room for d").await;
    let (fourth, ()) = tokio::join!(next(&mut inbox), ack(third));
    assert_eq!(fourth.message.id, "d", "it need not wait for a pause to end");
    ack(fourth).await;
}
