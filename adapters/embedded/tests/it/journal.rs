//! What the broker asks of its journal, and what it does when that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use sidegate_broker::{Broker, Channel, Effect, ErrorKind};
use sidegate_embedded::Limits;

use crate::support::memory::MemoryJournal;
use crate::support::{
    command, connect, event, expect, expect_nothing, next, open, receive, send, sent, subscribe, transient,
};

#[tokio::test]
async fn what_need_not_survive_never_touches_the_journal() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    let mut inbox = receive(&broker, "fast", 1).await;
    sent(&broker, transient(command("fast", "1"))).await;
    let delivery = next(&mut inbox).await;
    delivery.retry(Duration::ZERO).await.expect("giving back");
    expect(&mut inbox, "1").await;
    assert_eq!(journal.appends.load(Ordering::SeqCst), 0, "the fast path asks nothing of the disk");
}

#[tokio::test]
async fn messages_published_together_share_commits() {
    const MESSAGES: usize = 200;
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    join_all((0..MESSAGES).map(|n| sent(&broker, command("busy", &n.to_string())))).await;
    assert_eq!(journal.len(), MESSAGES, "every confirmed message is in the journal");
    let appends = journal.appends.load(Ordering::SeqCst);
    assert!(appends <= 4, "{MESSAGES} messages at once need a few commits, not {appends}");
    let mut inbox = receive(&broker, "busy", 1).await;
    for n in 0..MESSAGES {
        expect(&mut inbox, &n.to_string()).await;
    }
    assert_eq!(journal.len(), 0, "every acknowledged message is out of the journal");
}

#[tokio::test]
async fn a_message_that_the_journal_refuses_is_refused_and_not_delivered() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    let mut inbox = receive(&broker, "orders", 1).await;
    journal.is_failing.store(true, Ordering::SeqCst);
    let error = send(&broker, command("orders", "refused")).await.expect_err("the disk is full");
    assert_eq!(error.kind, ErrorKind::Full, "the sender learns why: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "the journal said that it changed nothing");
    expect_nothing(&mut inbox).await;
    journal.is_failing.store(false, Ordering::SeqCst);
    sent(&broker, command("orders", "taken")).await;
    expect(&mut inbox, "taken").await;
}

#[tokio::test]
async fn settling_that_the_journal_refuses_gives_the_delivery_back() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    let mut inbox = receive(&broker, "orders", 1).await;
    sent(&broker, command("orders", "1")).await;
    let delivery = next(&mut inbox).await;
    journal.is_failing.store(true, Ordering::SeqCst);
    let failed = delivery.ack().await.expect_err("the disk is full");
    let failed = failed.delivery.retry(Duration::ZERO).await.expect_err("the disk is still full");
    expect_nothing(&mut inbox).await;
    journal.is_failing.store(false, Ordering::SeqCst);
    failed.delivery.ack().await.expect("the same delivery can be settled when the journal is well again");
    expect_nothing(&mut inbox).await;
    assert_eq!(journal.len(), 0, "the second acknowledgement reached the journal");
}

#[tokio::test]
async fn a_journal_that_panics_leaves_nobody_waiting() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    journal.is_broken.store(true, Ordering::SeqCst);
    let error = send(&broker, command("orders", "1")).await.expect_err("the journal has a bug");
    assert_eq!(error.effect, Effect::Unknown, "it may have got as far as the disk: {error}");
    journal.is_broken.store(false, Ordering::SeqCst);
    sent(&broker, command("orders", "2")).await;
    let mut inbox = receive(&broker, "orders", 1).await;
    expect(&mut inbox, "2").await;
}

#[tokio::test]
async fn a_publisher_that_gives_up_leaves_nothing_half_done() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    let mut inbox = receive(&broker, "orders", 1).await;
    let given_up = broker.publish(command("orders", "given up")).now_or_never();
    assert!(given_up.is_none(), "the publisher left before the journal answered");
    expect(&mut inbox, "given up").await;
    assert_eq!(journal.len(), 0, "it was in the journal like any other message");
}

#[tokio::test]
async fn gateways_of_one_process_share_the_broker() {
    let embedded = open(Some(Arc::new(MemoryJournal::default())), Limits::default()).await;
    let (edge, orders) = (embedded.connect(), embedded.connect());
    let mut inbox = receive(&orders, "orders.create", 1).await;
    sent(&edge, command("orders.create", "1")).await;
    expect(&mut inbox, "1").await;
    edge.close(Duration::from_secs(1)).await;
    sent(&orders, command("orders.create", "2")).await;
    expect(&mut inbox, "2").await;
}

#[tokio::test]
async fn a_probe_tells_how_many_messages_wait_where() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), Limits::default()).await;
    let mut listener = subscribe(&broker, Channel::Event, "orders.created", 8).await;
    for id in ["1", "2", "3"] {
        sent(&broker, event("orders.created", id)).await;
    }
    sent(&broker, transient(command("orders.create", "4"))).await;
    let unsettled = next(&mut listener).await;
    let health = broker.probe().await;
    assert_eq!(health.problem, None, "an open broker is well");
    let expected = [("orders.create".into(), 1), ("orders.created.service".into(), 2)];
    assert_eq!(health.waiting, expected, "what is handed out does not wait");
    drop((unsettled, listener, broker));
    let reopened = connect(Some(journal), Limits::default()).await;
    let waiting = reopened.probe().await.waiting;
    assert_eq!(waiting, [("orders.created.service".into(), 3)], "what the journal holds is known at once");
}
