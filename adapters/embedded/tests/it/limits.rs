//! Every queue has a bound and refuses clearly beyond it.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BrokerError, Channel, Effect, ErrorKind, Outbound};
use sidegate_embedded::Limits;

use crate::support::memory::MemoryJournal;
use crate::support::{
    clock, command, connect, event, expect, expect_nothing, keyed, next, receive, send, sent, subscribe,
    transient,
};

fn assert_full(error: &BrokerError, what: &str) {
    assert_eq!(error.kind, ErrorKind::Full, "{what}: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "what was refused is certainly not there");
}

#[tokio::test]
async fn messages_in_memory_are_bounded_by_count_and_by_bytes() {
    let by_count = Limits { transient_messages_max: 2, ..Limits::default() };
    let by_bytes = Limits { transient_bytes_max: 2 * 300, ..Limits::default() };
    for limits in [by_count, by_bytes] {
        let broker = connect(None, limits).await;
        sent(&broker, transient(command("q", "1"))).await;
        sent(&broker, transient(command("q", "2"))).await;
        let error = send(&broker, transient(command("q", "3"))).await.expect_err("the queue is full");
        assert_full(&error, "a third message is one too many");
        let mut inbox = receive(&broker, "q", 1).await;
        expect(&mut inbox, "1").await;
        sent(&broker, transient(command("q", "4"))).await;
        expect(&mut inbox, "2").await;
        expect(&mut inbox, "4").await;
    }
}

#[tokio::test]
async fn an_event_is_refused_for_all_when_one_service_has_no_room() {
    for journal in [None, Some(Arc::new(MemoryJournal::default()))] {
        let durable = journal.is_some();
        let limits = Limits { transient_messages_max: 1, durable_messages_max: 1, ..Limits::default() };
        let journal = journal.map(|journal| journal as Arc<dyn sidegate_embedded::Journal>);
        let broker = connect(journal, limits).await;
        let mut quick = subscribe(&broker, Channel::Event, "news", 1).await;
        let slow = connect_as(&broker, "slow").await;
        sent(&broker, Outbound { durable, ..event("news", "1") }).await;
        expect(&mut quick, "1").await;
        let refused = send(&broker, Outbound { durable, ..event("news", "2") }).await;
        assert_full(
            &refused.expect_err("the slow service's queue is full"),
            "an event goes to all or to none",
        );
        expect_nothing(&mut quick).await;
        drop(slow);
    }
}

async fn connect_as(
    broker: &sidegate_embedded::Connection,
    service: &str,
) -> Box<dyn sidegate_broker::Inbox> {
    let subscription = sidegate_broker::Subscription {
        channel: Channel::Event,
        destination: "news".into(),
        service: service.into(),
        prefetch: 1,
    };
    sidegate_broker::Broker::subscribe(broker, subscription).await.expect("a subscription")
}

#[tokio::test]
async fn expired_messages_are_not_handed_out_and_make_room() {
    tokio::time::pause();
    let limits = Limits { transient_messages_max: 2, ..Limits::default() };
    let clock = clock();
    let expires_at_ms = Some(clock() + 1_000);
    let broker = sidegate_embedded::Embedded::open(None, limits, clock).await.expect("no journal").connect();
    for id in ["old-1", "old-2"] {
        sent(&broker, Outbound { expires_at_ms, ..transient(keyed("q", "k", id)) }).await;
    }
    send(&broker, transient(keyed("q", "k", "early")))
        .await
        .expect_err("the queue is full of wanted messages");
    tokio::time::advance(Duration::from_secs(2)).await;
    sent(&broker, transient(keyed("q", "k", "new"))).await;
    let mut inbox = receive(&broker, "q", 1).await;
    expect(&mut inbox, "new").await;
    sent(&broker, Outbound { expires_at_ms, ..transient(command("q", "late")) }).await;
    expect_nothing(&mut inbox).await;
}

#[tokio::test]
async fn a_durable_message_is_delivered_after_its_expiry() {
    for journal in [None, Some(Arc::new(MemoryJournal::default()))] {
        let journal = journal.map(|journal| journal as Arc<dyn sidegate_embedded::Journal>);
        let broker = connect(journal, Limits::default()).await;
        sent(&broker, Outbound { expires_at_ms: Some(1), ..command("q", "1") }).await;
        let mut inbox = receive(&broker, "q", 1).await;
        expect(&mut inbox, "1").await;
    }
}

#[tokio::test]
async fn a_key_is_not_overtaken_by_what_is_not_durable() {
    let limits = Limits { window_messages_max: 2, ..Limits::default() };
    let broker = connect(Some(Arc::new(MemoryJournal::default())), limits).await;
    for id in ["k-1", "k-2", "k-3"] {
        sent(&broker, keyed("q", "k", id)).await;
    }
    let error =
        send(&broker, transient(keyed("q", "k", "k-4"))).await.expect_err("k-3 is only in the journal");
    assert_full(&error, "a keyed message in memory would overtake one in the journal");
    sent(&broker, transient(command("q", "no key, no order"))).await;
}

#[tokio::test]
async fn queues_are_bounded_and_forgotten_when_nobody_uses_them() {
    let broker = connect(None, Limits { queues_max: 2, ..Limits::default() }).await;
    sent(&broker, command("a", "1")).await;
    sent(&broker, command("b", "1")).await;
    let error = send(&broker, command("c", "1")).await.expect_err("both queues hold a message");
    assert_full(&error, "a third queue is one too many");
    let mut inbox = receive(&broker, "a", 1).await;
    next(&mut inbox).await.reject().await.expect("a rejection");
    drop(inbox);
    // A connection remembers its inboxes until it subscribes again.
    let mut inbox = receive(&broker, "b", 1).await;
    sent(&broker, command("c", "1")).await;
    expect(&mut inbox, "1").await;
}
