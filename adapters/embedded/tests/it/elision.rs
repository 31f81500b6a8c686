//! A message that its consumer settles soon is never written; one that it does not is, and nobody can tell from
//! outside. Time is paused, so that the wait is exact.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use sidegate_broker::{Broker, BrokerError, Channel, Delivery, Effect, ErrorKind, Inbox, Outbound, Receipt};
use sidegate_embedded::{Connection, Limits};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::memory::MemoryJournal;
use crate::support::{
    command, connect, event, expect, expect_nothing, keyed, next, receive, sent, subscribe,
};

const WAIT: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_secs(60);

struct Setup {
    journal: Arc<MemoryJournal>,
    broker: Arc<Connection>,
    inbox: Box<dyn Inbox>,
}

type Publishing = JoinHandle<Result<Receipt, BrokerError>>;

impl Setup {
    async fn with(prefetch: usize, limits: Limits) -> Self {
        let journal = Arc::new(MemoryJournal::default());
        let broker = Arc::new(connect(Some(journal.clone()), limits).await);
        let inbox = receive(&broker, "q", prefetch).await;
        Self { journal, broker, inbox }
    }

    async fn new() -> Self {
        Self::with(16, Limits::default()).await
    }

    fn publish(&self, outbound: Outbound) -> Publishing {
        let broker = Arc::clone(&self.broker);
        tokio::spawn(async move { broker.publish(outbound).await })
    }

    /// Publishes to an inbox that waits: the delivery, and the publisher who was told nothing yet.
    async fn hand_out(&mut self, outbound: Outbound) -> (Delivery, Publishing) {
        assert!(self.inbox.next().now_or_never().is_none(), "nothing is there before");
        let publishing = self.publish(outbound);
        let delivery = next(&mut self.inbox).await;
        assert!(!publishing.is_finished(), "nobody has taken responsibility for the message yet");
        (delivery, publishing)
    }

    /// The journal as the next process finds it.
    async fn restart(self) -> (Connection, Box<dyn Inbox>) {
        let journal = Arc::clone(&self.journal);
        drop(self);
        let broker = connect(Some(journal), Limits::default()).await;
        let inbox = receive(&broker, "q", 16).await;
        (broker, inbox)
    }
}

async fn confirmed(publishing: Publishing) {
    publishing.await.expect("no panic").expect("the broker takes the message");
}

/// Hands out each message and acknowledges it at once, for ever.
fn swift_consumer(mut inbox: Box<dyn Inbox>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(delivery) = inbox.next().await {
            delivery.ack().await.expect("an acknowledgement");
        }
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_at_once_is_never_written() {
    let Setup { journal, broker, inbox } = Setup::new().await;
    let consumer = swift_consumer(inbox);
    tokio::task::yield_now().await;
    let started = Instant::now();
    for n in 0..100 {
        sent(&broker, keyed("q", "k", &n.to_string())).await;
    }
    assert_eq!(journal.append_count(), 0, "the disk was not asked");
    assert_eq!(started.elapsed(), Duration::ZERO, "no publisher waited for a timer");
    let health = broker.probe().await;
    assert_eq!(health.waiting, [], "what is done with does not wait");
    consumer.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_consumer_holds_is_written_after_the_wait() {
    let mut setup = Setup::new().await;
    let started = Instant::now();
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    confirmed(publishing).await;
    assert!((WAIT..2 * WAIT).contains(&started.elapsed()), "the publisher waited {:?}", started.elapsed());
    assert_eq!(setup.journal.len(), 1, "a message confirmed and not acknowledged is in the journal");
    delivery.ack().await.expect("an acknowledgement");
    assert_eq!(setup.journal.len(), 0, "and leaves it when it is");
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_consumer_holds_survives_a_restart() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    confirmed(publishing).await;
    let (broker, mut inbox) = setup.restart().await;
    drop(delivery);
    expect(&mut inbox, "1").await;
    drop(broker);
}

#[tokio::test(start_paused = true)]
async fn messages_in_many_hands_share_commits() {
    const MESSAGES: usize = 200;
    let Setup { journal, broker, mut inbox } = Setup::with(MESSAGES, Limits::default()).await;
    let publish = join_all((0..MESSAGES).map(|n| sent(&broker, command("q", &n.to_string()))));
    let take = async {
        let mut held = Vec::new();
        for _ in 0..MESSAGES {
            held.push(next(&mut inbox).await);
        }
        held
    };
    let (_, held) = join(publish, take).await;
    assert_eq!(journal.len(), MESSAGES, "all of them were written");
    let appends = journal.append_count();
    assert!(appends <= 4, "{MESSAGES} messages in hand need a few commits, not {appends}");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_consumer_that_does_not_ask() {
    let setup = Setup::new().await;
    let started = Instant::now();
    sent(&setup.broker, command("q", "1")).await;
    sent(&setup.broker, command("nobody reads this", "2")).await;
    assert_eq!(started.elapsed(), Duration::ZERO, "it was written without delay");
    assert_eq!(setup.journal.len(), 2, "written it was");
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_consumer_with_full_hands() {
    let mut setup = Setup::with(1, Limits::default()).await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    let started = Instant::now();
    sent(&setup.broker, command("q", "2")).await;
    assert_eq!(started.elapsed(), Duration::ZERO, "the second was written without delay");
    delivery.ack().await.expect("an acknowledgement");
    confirmed(publishing).await;
    assert_eq!(setup.journal.append_count(), 1, "the first was not written at all");
    expect(&mut setup.inbox, "2").await;
}

#[tokio::test(start_paused = true)]
async fn slow_consumers_are_hardly_waited_for_any_more() {
    let mut setup = Setup::with(1_000, Limits::default()).await;
    let mut held = Vec::new();
    let started = Instant::now();
    for n in 0..100 {
        let publishing = setup.publish(command("q", &n.to_string()));
        held.push(next(&mut setup.inbox).await);
        confirmed(publishing).await;
    }
    let waited = started.elapsed();
    assert!(waited < 25 * 2 * WAIT, "100 publishers waited {waited:?} for a consumer that never was in time");
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_during_the_append_waits_for_it() {
    let mut setup = Setup::new().await;
    let journal = Arc::clone(&setup.journal);
    let shut = journal.door.lock().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    tokio::time::sleep(2 * WAIT).await;
    assert_eq!(journal.append_count(), 1, "the append was asked for");
    let acknowledging = tokio::spawn(delivery.ack());
    tokio::time::sleep(WAIT).await;
    assert!(!acknowledging.is_finished(), "acknowledged now, it would be there again after a restart");
    drop(shut);
    acknowledging.await.expect("no panic").expect("an acknowledgement");
    confirmed(publishing).await;
    assert_eq!(journal.len(), 0, "what was acknowledged has left the journal");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_in_the_journal_first() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    let started = Instant::now();
    delivery.retry(PAUSE).await.expect("giving back");
    assert_eq!(started.elapsed(), Duration::ZERO, "it did not wait for its time");
    assert_eq!(setup.journal.len(), 1, "a message given back survives");
    confirmed(publishing).await;
    let (_broker, mut inbox) = setup.restart().await;
    expect_nothing(&mut inbox).await;
    tokio::time::advance(PAUSE).await;
    let again = next(&mut inbox).await;
    assert_eq!(again.attempt, 2, "the attempt was noted with it");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_comes_again_and_is_written_once() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    drop(delivery);
    let again = next(&mut setup.inbox).await;
    assert_eq!(again.attempt, 2, "it comes again without having been written");
    confirmed(publishing).await;
    assert_eq!((setup.journal.append_count(), setup.journal.len()), (1, 1), "it was written in its time");
    again.ack().await.expect("an acknowledgement");
    assert_eq!(setup.journal.len(), 0, "and removed");
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_may_still_be_settled_in_time() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    drop(delivery);
    next(&mut setup.inbox).await.reject().await.expect("a rejection");
    confirmed(publishing).await;
    assert_eq!(setup.journal.append_count(), 0, "nothing had to be written");
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_gives_up_takes_nothing_with_it() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(keyed("q", "k", "1")).await;
    publishing.abort();
    tokio::time::sleep(2 * WAIT).await;
    assert_eq!(setup.journal.len(), 1, "what was handed out is written all the same");
    drop(delivery);
    expect(&mut setup.inbox, "1").await;
    let (delivery, publishing) = setup.hand_out(keyed("q", "k", "2")).await;
    delivery.ack().await.expect("its key is free");
    confirmed(publishing).await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_gives_back_what_was_not_written() {
    let mut setup = Setup::new().await;
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    setup.broker.close(Duration::ZERO).await;
    assert!(delivery.ack().await.is_err(), "the delivery went to others");
    confirmed(publishing).await;
    let (_broker, mut inbox) = setup.restart().await;
    expect(&mut inbox, "1").await;
}

#[tokio::test(start_paused = true)]
async fn a_key_has_its_order_in_the_journal_too() {
    let mut setup = Setup::new().await;
    let (delivery, first) = setup.hand_out(keyed("q", "k", "1")).await;
    let second = setup.publish(keyed("q", "k", "2"));
    join(confirmed(first), confirmed(second)).await;
    let (_broker, mut inbox) = setup.restart().await;
    drop(delivery);
    expect(&mut inbox, "1").await;
    expect(&mut inbox, "2").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_refuses_after_it_was_handed_out_is_refused_as_unknown() {
    let mut setup = Setup::new().await;
    setup.journal.is_failing.store(true, Ordering::SeqCst);
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    let error = publishing.await.expect("no panic").expect_err("the disk is full");
    assert_eq!((error.kind, error.effect), (ErrorKind::Full, Effect::Unknown), "it may be done: {error}");
    drop(delivery);
    let again = next(&mut setup.inbox).await;
    again.retry(Duration::ZERO).await.expect("what was refused asks nothing of the disk");
    expect(&mut setup.inbox, "1").await;
    assert_eq!(setup.broker.probe().await.waiting, [], "it is forgotten when it is done");
}

#[tokio::test(start_paused = true)]
async fn while_the_journal_refuses_nothing_is_handed_out_before() {
    let mut setup = Setup::new().await;
    setup.journal.is_failing.store(true, Ordering::SeqCst);
    let (delivery, publishing) = setup.hand_out(command("q", "1")).await;
    publishing.await.expect("no panic").expect_err("the disk is full");
    delivery.ack().await.expect("an acknowledgement");
    let refused = setup.publish(command("q", "2"));
    expect_nothing(&mut setup.inbox).await;
    let error = refused.await.expect("no panic").expect_err("the disk is still full");
    assert_eq!(error.effect, Effect::NotApplied, "nobody has seen it: {error}");
    setup.journal.is_failing.store(false, Ordering::SeqCst);
    sent(&setup.broker, command("q", "3")).await;
    expect(&mut setup.inbox, "3").await;
    let (delivery, publishing) = setup.hand_out(command("q", "4")).await;
    delivery.ack().await.expect("the journal is trusted again");
    confirmed(publishing).await;
}

#[tokio::test(start_paused = true)]
async fn turned_off_nothing_is_handed_out_before_it_is_in_the_journal() {
    for (settle_before_append_ms, is_early) in [(0, false), (20, true)] {
        let limits = Limits { settle_before_append_ms, ..Limits::default() };
        let mut setup = Setup::with(16, limits).await;
        let journal = Arc::clone(&setup.journal);
        let shut = journal.door.lock().await;
        let publishing = setup.publish(command("q", "1"));
        let early = tokio::time::timeout(PAUSE, setup.inbox.next()).await;
        assert_eq!(early.is_ok(), is_early, "with {settle_before_append_ms} ms, while the journal is busy");
        drop(shut);
        confirmed(publishing).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_for_one_service_need_not_be_written_and_for_two_it_is() {
    let Setup { journal, broker, .. } = Setup::new().await;
    let one = swift_consumer(subscribe(&broker, Channel::Event, "news", 1).await);
    tokio::task::yield_now().await;
    sent(&broker, event("news", "1")).await;
    assert_eq!(journal.append_count(), 0, "the only service was quick");
    let subscription = sidegate_broker::Subscription {
        channel: Channel::Event,
        destination: "news".into(),
        service: "another".into(),
        prefetch: 1,
    };
    let another = swift_consumer(broker.subscribe(subscription).await.expect("a subscription"));
    tokio::task::yield_now().await;
    sent(&broker, event("news", "2")).await;
    assert_eq!(journal.append_count(), 1, "both copies go with one append");
    one.abort();
    another.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_in_hand_counts_against_the_bounds() {
    let limits = Limits { durable_messages_max: 2, ..Limits::default() };
    let mut setup = Setup::with(16, limits).await;
    let (first, publishing_first) = setup.hand_out(command("q", "1")).await;
    let (second, publishing_second) = setup.hand_out(command("q", "2")).await;
    let refused = setup.broker.publish(command("q", "3")).await.expect_err("two are in hand");
    assert_eq!(refused.kind, ErrorKind::Full, "the queue holds as many as it may: {refused}");
    first.ack().await.expect("an acknowledgement");
    let (third, publishing_third) = setup.hand_out(command("q", "4")).await;
    join_all([second, third].map(Delivery::ack)).await;
    join_all([publishing_first, publishing_second, publishing_third].map(confirmed)).await;
    assert_eq!(setup.journal.append_count(), 0, "all were settled in time");
}
