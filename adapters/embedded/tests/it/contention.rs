//! Many at once on real threads: no message is left beside somebody who waits for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use sidegate_broker::{Broker, Delivery};
use sidegate_embedded::{Connection, Embedded, Limits};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::memory::MemoryJournal;
use crate::support::{ARRIVAL, command, keyed, next, open, receive, sent, transient};

const PUBLISHERS: usize = 4;
const CONSUMERS: usize = 4;
const MESSAGES_PER_PUBLISHER: usize = 1_000;
const MESSAGES: usize = PUBLISHERS * MESSAGES_PER_PUBLISHER;

#[derive(Default)]
struct Settled {
    count: AtomicUsize,
    all: Notify,
}

/// Of each three messages one has a key and two are durable.
async fn publish(broker: Connection, publisher: usize) {
    for n in 0..MESSAGES_PER_PUBLISHER {
        let id = format!("{publisher}-{n}");
        let outbound = match n % 3 {
            0 => transient(command("q", &id)),
            1 => keyed("q", &format!("k-{}", n % 5), &id),
            _ => command("q", &id),
        };
        sent(&broker, outbound).await;
    }
}

/// Works on as many deliveries as it may have. Waits for the next without a time limit, so that a lost wake-up is
/// a test that does not end; gives up asking now and then, as a `select!` does.
async fn consume(broker: Arc<Connection>, prefetch: usize, settled: Arc<Settled>) {
    let mut inbox = receive(&broker, "q", prefetch).await;
    let mut work = JoinSet::new();
    for n in 0_usize.. {
        let hasty = if n.is_multiple_of(3) { inbox.next().now_or_never().flatten() } else { None };
        let Some(delivery) = (match hasty {
            Some(delivery) => Some(delivery),
            None => inbox.next().await,
        }) else {
            break;
        };
        work.spawn(settle(delivery, n, Arc::clone(&settled)));
    }
    work.join_all().await;
}

/// Every seventh delivery is dropped unsettled. Every fifth takes about as long as the broker keeps a message from
/// the journal, so that its end and the append meet.
async fn settle(delivery: Delivery, n: usize, settled: Arc<Settled>) {
    for _ in 0..n % 4 {
        tokio::task::yield_now().await;
    }
    if n.is_multiple_of(5) {
        tokio::time::sleep(Duration::from_millis(18 + n as u64 % 4)).await;
    }
    if n.is_multiple_of(7) {
        return drop(delivery);
    }
    delivery.ack().await.expect("an acknowledgement");
    if settled.count.fetch_add(1, Ordering::SeqCst) + 1 == MESSAGES {
        settled.all.notify_one();
    }
}

fn connections(embedded: &Embedded) -> Vec<Arc<Connection>> {
    (0..CONSUMERS).map(|_| Arc::new(embedded.connect())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_finds_a_consumer_once() {
    let limits = Limits { transient_messages_max: MESSAGES, ..Limits::default() };
    let journal = Arc::new(MemoryJournal::default());
    let embedded = open(Some(journal.clone()), limits).await;
    let (settled, consumers) = (Arc::new(Settled::default()), connections(&embedded));
    let mut tasks = JoinSet::new();
    for (n, broker) in consumers.iter().enumerate() {
        tasks.spawn(consume(Arc::clone(broker), 1 + n, Arc::clone(&settled)));
    }
    for publisher in 0..PUBLISHERS {
        tasks.spawn(publish(embedded.connect(), publisher));
    }
    let all = timeout(ARRIVAL * 3, settled.all.notified()).await;
    let count = settled.count.load(Ordering::SeqCst);
    assert!(all.is_ok(), "{} messages are left beside consumers that wait", MESSAGES - count);
    for broker in &consumers {
        broker.close(Duration::from_secs(1)).await;
    }
    timeout(ARRIVAL, tasks.join_all()).await.expect("closed inboxes end");
    let count = settled.count.load(Ordering::SeqCst);
    assert_eq!(count, MESSAGES, "each message is settled once");
    assert_eq!(journal.len(), 0, "what is settled is not in the journal");
}

#[tokio::test]
async fn what_a_closed_connection_held_wakes_everybody_who_waits() {
    let embedded = open(None, Limits::default()).await;
    let (leaving, staying) = (embedded.connect(), embedded.connect());
    let mut held = receive(&leaving, "q", 2).await;
    for id in ["1", "2"] {
        sent(&staying, command("q", id)).await;
    }
    let unsettled = (next(&mut held).await, next(&mut held).await);
    let (mut one, mut other) = (receive(&staying, "q", 1).await, receive(&staying, "q", 1).await);
    let mut both = Box::pin(join(one.next(), other.next()));
    assert!((&mut both).now_or_never().is_none(), "both wait while the messages are held");
    leaving.close(Duration::ZERO).await;
    let both = timeout(ARRIVAL, both).await.expect("both are woken");
    assert!(both.0.is_some() && both.1.is_some(), "each of the two gets one of the two messages");
    drop(unsettled);
}
