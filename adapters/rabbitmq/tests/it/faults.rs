//! The broker away, dead, paused, starved, or behind a network that loses its answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sidegate_broker::{Broker, Channel, Effect, ErrorKind};
use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{Rabbit, available};
use tokio::time::Instant;

use crate::support::harness::Apart;
use crate::support::{
    ack, connect, listen, message, next, publish, send, send_until_taken, settings, unique, until,
};

/// Closing and refusing never take longer.
const AT_MOST: Duration = Duration::from_secs(5);

async fn closes_in_time(broker: &Arc<dyn Broker>) {
    let since = Instant::now();
    broker.close(Duration::from_secs(60)).await;
    let took = since.elapsed();
    assert!(took < AT_MOST + Duration::from_millis(500), "closing took {took:?}, whatever the broker does");
}

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_connected_to_when_it_is_there() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let proxy = Proxy::to(server.address()).await;
    proxy.refuse(true).await;
    let broker = connect(settings(proxy.address(), &[]));
    let since = Instant::now();
    let error =
        publish(&broker, Channel::Command, message("away", "m-1")).await.expect_err("nobody is there");
    assert_eq!((error.kind, error.effect), (ErrorKind::Unreachable, Effect::NotApplied), "{error}");
    assert!(since.elapsed() < Duration::from_secs(2), "nobody is kept waiting: {:?}", since.elapsed());
    assert!(broker.probe().await.problem.is_some(), "the probe says so");
    proxy.refuse(false).await;
    send_until_taken(&broker, &unique("away"), "m-2").await;
}

#[tokio::test]
async fn behind_a_black_hole_every_call_ends_at_its_deadline_and_all_goes_on_afterwards() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let proxy = Proxy::to(server.address()).await;
    let broker = connect(settings(proxy.address(), &[("publish_timeout_ms", "1000"), ("heartbeat_s", "1")]));
    let destination = unique("hole");
    send(&broker, &destination, "m-1").await;
    proxy.black_hole(true);
    let since = Instant::now();
    let error =
        publish(&broker, Channel::Command, message(&destination, "m-2")).await.expect_err("no confirm");
    assert_eq!((error.kind, error.effect), (ErrorKind::Timeout, Effect::Unknown), "it may be there: {error}");
    assert!(since.elapsed() < Duration::from_secs(2), "at its own deadline: {:?}", since.elapsed());
    until("the silence is taken for a loss", || !broker.state().connected).await;
    proxy.black_hole(false);
    send_until_taken(&broker, &destination, "m-3").await;
}

#[tokio::test]
async fn closing_behind_a_black_hole_is_over_in_time() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let proxy = Proxy::to(server.address()).await;
    let broker = connect(settings(proxy.address(), &[]));
    let destination = unique("hole");
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    send(&broker, &destination, "m-1").await;
    let unsettled = next(&mut inbox).await;
    proxy.black_hole(true);
    let abandoned = tokio::spawn({
        let broker = Arc::clone(&broker);
        async move { publish(&broker, Channel::Command, message("hole", "m-2")).await }
    });
    until("it is on its way", || broker.state().unconfirmed > 0 || abandoned.is_finished()).await;
    closes_in_time(&broker).await;
    drop(unsettled);
}

#[tokio::test]
async fn what_is_published_through_a_network_that_loses_confirms_arrives() {
    const BATCHES_MIN: usize = 50;
    const BATCHES_MAX: usize = 2_000;
    let Some(server) = available(Rabbit::shared().await) else { return };
    let proxy = Proxy::to(server.address()).await;
    let lossy = connect(settings(proxy.address(), &[("publish_timeout_ms", "2000")]));
    let destination = unique("lossy");
    lossy.prepare(Channel::Command, &destination).await.expect("a queue");
    proxy.lose_answers(0.05);
    let mut missing = BTreeSet::new();
    for batch in 0..BATCHES_MAX {
        if batch >= BATCHES_MIN && proxy.answers_lost() > 0 {
            break;
        }
        let ids: Vec<_> = (0..4).map(|n| format!("m-{}", batch * 4 + n)).collect();
        join_all(ids.iter().map(|id| send_until_taken(&lossy, &destination, id))).await;
        missing.extend(ids);
    }
    assert!(proxy.answers_lost() > 0, "the fault took place");
    let broker = connect(settings(server.address(), &[]));
    let mut inbox = listen(&broker, Channel::Command, &destination, 64).await;
    while !missing.is_empty() {
        let delivery = next(&mut inbox).await;
        missing.remove(delivery.message.id.as_str());
        ack(delivery).await;
    }
}

#[tokio::test]
async fn a_killed_broker_has_every_message_that_it_confirmed() {
    const MESSAGES: usize = 300;
    let Some(apart) = available(Apart::take().await) else { return };
    let broker = connect(settings(apart.server.address(), &[]));
    let destination = unique("killed");
    send(&broker, &destination, "first").await;
    // RabbitMQ 3.10 leaves a quorum queue without a leader when it is killed within a second of making the queue, and
    // there is nothing to be seen from outside when that second is over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ids: Vec<_> = (0..MESSAGES).map(|n| format!("m-{n}")).collect();
    let publishing =
        join_all(ids.iter().map(|id| publish(&broker, Channel::Command, message(&destination, id))));
    let killing = async {
        until("some are on their way", || broker.state().unconfirmed > 0).await;
        apart.server.kill();
    };
    let (results, ()) = tokio::join!(publishing, killing);
    let mut confirmed: BTreeSet<_> =
        ids.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(id, _)| id.clone()).collect();
    for error in results.into_iter().filter_map(Result::err) {
        assert!(error.passes_by_itself(), "an outage passes by itself: {error}");
    }
    apart.server.start_again().await;
    let mut inbox = listen_at_last(&broker, &destination).await;
    confirmed.insert("first".to_owned());
    while !confirmed.is_empty() {
        let delivery = next(&mut inbox).await;
        confirmed.remove(delivery.message.id.as_str());
        ack(delivery).await;
    }
}

async fn listen_at_last(broker: &Arc<dyn Broker>, destination: &str) -> Box<dyn sidegate_broker::Inbox> {
    until("the adapter connects again", || broker.state().connected).await;
    listen(broker, Channel::Command, destination, 64).await
}

#[tokio::test]
async fn a_paused_broker_keeps_nobody_waiting_beyond_the_deadline() {
    let Some(apart) = available(Apart::take().await) else { return };
    let broker = connect(settings(apart.server.address(), &[("publish_timeout_ms", "1000")]));
    let destination = unique("paused");
    send(&broker, &destination, "m-1").await;
    apart.server.pause();
    let since = Instant::now();
    let error =
        publish(&broker, Channel::Command, message(&destination, "m-2")).await.expect_err("nobody answers");
    assert!(since.elapsed() < Duration::from_secs(2), "at its own deadline: {:?}", since.elapsed());
    assert_eq!(error.effect, Effect::Unknown, "it may arrive when the broker goes on: {error}");
    let closing = connect(settings(apart.server.address(), &[]));
    closes_in_time(&closing).await;
    apart.server.resume();
    send_until_taken(&broker, &destination, "m-3").await;
}

#[tokio::test]
async fn a_broker_short_of_memory_refuses_and_still_lets_its_queues_drain() {
    let Some(apart) = available(Apart::take().await) else { return };
    let broker = connect(settings(apart.server.address(), &[("publish_timeout_ms", "1000")]));
    let destination = unique("starved");
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    for id in ["m-1", "m-2"] {
        send(&broker, &destination, id).await;
    }
    apart.server.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]).await;
    let deadline = Instant::now() + crate::support::ARRIVAL;
    let refused = loop {
        assert!(Instant::now() < deadline, "a broker without memory must refuse in the end");
        match publish(&broker, Channel::Command, message(&destination, "m-3")).await {
            Err(error) if error.kind == ErrorKind::Full => break error,
            Err(error) => assert_eq!(error.kind, ErrorKind::Timeout, "before it is known: {error}"),
            Ok(_) => {}
        }
    };
    assert_eq!(refused.effect, Effect::NotApplied, "it was not even sent: {refused}");
    assert!(broker.probe().await.problem.is_some(), "the probe says so");
    for id in ["m-1", "m-2"] {
        let delivery = next(&mut inbox).await;
        assert_eq!(delivery.message.id, id, "what is there is delivered");
        ack(delivery).await;
    }
    apart.server.ctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    send_until_taken(&broker, &destination, "m-4").await;
}
