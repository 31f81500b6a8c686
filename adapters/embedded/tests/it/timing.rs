//! Pauses, in memory and over a restart. Time is paused, so that they are exact.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::Inbox;
use sidegate_embedded::{Embedded, Journal, Limits};
use tokio::time::{Instant, timeout};

use crate::support::memory::MemoryJournal;
use crate::support::{clock, command, connect, expect, keyed, next, receive, sent};

const PAUSE: Duration = Duration::from_secs(60);

async fn expect_after(inbox: &mut Box<dyn Inbox>, id: &str, attempt: u32, pause: Duration) {
    let started = Instant::now();
    let delivery = timeout(pause * 2, inbox.next()).await.expect("in time").expect("an open inbox");
    assert_eq!(
        (delivery.message.id.as_str(), delivery.attempt),
        (id, attempt),
        "the message given back comes"
    );
    let waited = started.elapsed();
    assert!((pause..pause + Duration::from_millis(10)).contains(&waited), "after {waited:?}, not {pause:?}");
    delivery.ack().await.expect("an acknowledgement");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_asked_and_holds_up_nobody_else() {
    let broker = connect(None, Limits::default()).await;
    let mut inbox = receive(&broker, "q", 8).await;
    sent(&broker, keyed("q", "k", "k-1")).await;
    sent(&broker, keyed("q", "k", "k-2")).await;
    sent(&broker, command("q", "other")).await;
    next(&mut inbox).await.retry(PAUSE).await.expect("giving back");
    expect(&mut inbox, "other").await;
    expect_after(&mut inbox, "k-1", 2, PAUSE).await;
    expect(&mut inbox, "k-2").await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_gets_what_becomes_due() {
    let broker = connect(None, Limits::default()).await;
    let mut busy = receive(&broker, "q", 1).await;
    sent(&broker, command("q", "later")).await;
    let given_back = next(&mut busy).await;
    let mut idle = receive(&broker, "q", 1).await;
    let waiting = tokio::spawn(async move { idle.next().await.map(|delivery| delivery.message.id.clone()) });
    tokio::task::yield_now().await;
    given_back.retry(PAUSE).await.expect("giving back");
    let woken = timeout(PAUSE * 2, waiting).await.expect("in time").expect("no panic");
    assert_eq!(woken.as_deref(), Some("later"), "an inbox that waited before the pause began knows its end");
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn a_pause_and_its_attempts_go_on_after_a_restart() {
    let (journal, clock) = (Arc::new(MemoryJournal::default()), clock());
    let reopen = async || {
        let journal: Arc<dyn Journal> = journal.clone();
        Embedded::open(Some(journal), Limits::default(), clock.clone()).await.expect("a journal").connect()
    };
    let broker = reopen().await;
    let mut inbox = receive(&broker, "q", 1).await;
    sent(&broker, keyed("q", "k", "k-1")).await;
    sent(&broker, keyed("q", "k", "k-2")).await;
    next(&mut inbox).await.retry(Duration::ZERO).await.expect("giving back");
    next(&mut inbox).await.retry(PAUSE).await.expect("giving back");
    drop((inbox, broker));
    tokio::time::advance(PAUSE / 2).await;
    let broker = reopen().await;
    let mut inbox = receive(&broker, "q", 1).await;
    expect_after(&mut inbox, "k-1", 3, PAUSE / 2).await;
    expect(&mut inbox, "k-2").await;
}
