//! A long queue: a window of it in memory, the rest in the journal, and nobody can tell from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::{join, join_all};
use sidegate_broker::Inbox;
use sidegate_embedded::{Journal, Limits};

use crate::support::harness::Keep;
use crate::support::memory::MemoryJournal;
use crate::support::sqlite::InSqlite;
use crate::support::{command, connect, expect, expect_nothing, keyed, next, receive, sent};

const WINDOW: usize = 16;
const MESSAGES: usize = 20 * WINDOW;

fn small_window() -> Limits {
    Limits { window_messages_max: WINDOW, ..Limits::default() }
}

async fn expect_all(inbox: &mut Box<dyn Inbox>, count: usize) {
    for n in 0..count {
        expect(inbox, &format!("message-{n}")).await;
    }
}

#[tokio::test]
async fn a_backlog_comes_in_order_without_being_in_memory_at_once() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), small_window()).await;
    for n in 0..MESSAGES {
        sent(&broker, command("long", &format!("message-{n}"))).await;
    }
    let mut inbox = receive(&broker, "long", 4).await;
    expect_all(&mut inbox, MESSAGES).await;
    expect_nothing(&mut inbox).await;
    let page = journal.loaded_at_once.load(Ordering::SeqCst);
    assert!((1..=WINDOW).contains(&page), "pages fit the window, but {page} messages came at once");
}

#[tokio::test]
async fn a_backlog_is_found_again_in_order_after_a_restart() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), small_window()).await;
    for n in 0..MESSAGES {
        sent(&broker, command("long", &format!("message-{n}"))).await;
    }
    drop(broker);
    let broker = connect(Some(journal.clone()), small_window()).await;
    assert_eq!(journal.loaded_at_once.load(Ordering::SeqCst), 0, "nothing is read before somebody wants it");
    sent(&broker, command("long", &format!("message-{MESSAGES}"))).await;
    let mut inbox = receive(&broker, "long", 4).await;
    expect_all(&mut inbox, MESSAGES + 1).await;
}

#[tokio::test]
async fn the_window_is_bounded_in_bytes_too() {
    let journal = Arc::new(MemoryJournal::default());
    // A message weighs between 256 and 300 bytes.
    let broker =
        connect(Some(journal.clone()), Limits { window_bytes_max: 300 * WINDOW, ..Limits::default() }).await;
    for n in 0..MESSAGES {
        sent(&broker, command("long", &format!("message-{n}"))).await;
    }
    let mut inbox = receive(&broker, "long", 4).await;
    expect_all(&mut inbox, MESSAGES).await;
    let page = journal.loaded_at_once.load(Ordering::SeqCst);
    assert!((1..=2 * WINDOW).contains(&page), "pages fit the window, but {page} messages came at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_while_a_backlog_is_read_loses_repeats_and_reorders_nothing() {
    publish_while_reading(Arc::new(MemoryJournal::default())).await;
    let mut on_disk = InSqlite::default();
    on_disk.renew();
    publish_while_reading(on_disk.journal().await.expect("a store")).await;
}

/// One publisher for each key, each waiting for one confirmation before the next message, all racing the pager.
async fn publish_while_reading(journal: Arc<dyn Journal>) {
    const KEYS: usize = 4;
    let broker = connect(Some(journal), small_window()).await;
    let mut inbox = receive(&broker, "busy", 8).await;
    let broker = &broker;
    let publish = join_all((0..KEYS).map(|key| async move {
        for n in 0..MESSAGES {
            sent(broker, keyed("busy", &format!("key-{key}"), &n.to_string())).await;
        }
    }));
    let mut counts = HashMap::<CompactString, usize>::new();
    let consume = async {
        for _ in 0..KEYS * MESSAGES {
            let delivery = next(&mut inbox).await;
            let count = counts.entry(delivery.message.key.clone().expect("a key")).or_default();
            assert_eq!(delivery.message.id, count.to_string(), "each key's messages come once and in order");
            *count += 1;
            delivery.ack().await.expect("an acknowledgement");
        }
    };
    join(publish, consume).await;
    expect_nothing(&mut inbox).await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_is_tried_again() {
    let journal = Arc::new(MemoryJournal::default());
    let broker = connect(Some(journal.clone()), small_window()).await;
    for n in 0..MESSAGES {
        sent(&broker, command("long", &format!("message-{n}"))).await;
    }
    drop(broker);
    let broker = connect(Some(journal.clone()), small_window()).await;
    journal.is_failing.store(true, Ordering::SeqCst);
    let mut inbox = receive(&broker, "long", 4).await;
    let nothing = tokio::time::timeout(Duration::from_secs(3), inbox.next()).await;
    assert!(nothing.is_err(), "a journal that cannot be read gives nothing");
    journal.is_failing.store(false, Ordering::SeqCst);
    expect_all(&mut inbox, MESSAGES).await;
}
