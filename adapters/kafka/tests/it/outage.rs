//! A cluster that is away, mute, or whose answers are lost: every call ends, nothing that was confirmed is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use sidegate_broker::{Channel, Effect, ErrorKind, Message};
use sidegate_test_brokers::available;
use tokio::time::{Instant, timeout};

use crate::exclusive::Exclusive;
use crate::support::{connect, message, next, outbound, receive, send, unique, until, until_connected};

#[tokio::test]
async fn a_cluster_that_is_down_is_refused_at_once_and_found_when_it_comes() {
    let Some(own) = available(Exclusive::take().await) else { return };
    own.kafka().kill();
    let broker = connect(&own.url(), &[]);
    let topic = unique("down");
    let asked = Instant::now();
    let error =
        broker.publish(outbound(Channel::Command, message(&topic, "m"))).await.expect_err("it is down");
    assert_eq!((error.kind, error.effect), (ErrorKind::Unreachable, Effect::NotApplied), "{error}");
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "nobody waits for a cluster that is down: {:?}",
        asked.elapsed()
    );
    assert!(broker.probe().await.problem.is_some() && !broker.state().connected, "and everybody can know");
    own.start_again().await;
    until_connected(&broker).await;
    send(&broker, message(&topic, "m")).await;
    assert_eq!(broker.state().reconnects, 0, "it was never lost, only late");
}

#[tokio::test]
async fn closing_ends_in_five_seconds_when_the_cluster_is_dead() {
    let Some(own) = available(Exclusive::take().await) else { return };
    let broker = connect(&own.url(), &[]);
    let topic = unique("dead");
    let mut inbox = receive(&broker, &topic, "service").await;
    send(&broker, message(&topic, "in-hand")).await;
    let in_hand = next(&mut *inbox).await;
    own.kafka().kill();
    let unconfirmed = tokio::spawn({
        let (broker, late) = (std::sync::Arc::clone(&broker), message(&topic, "late"));
        async move { broker.publish(outbound(Channel::Command, late)).await }
    });
    until("it is under way or refused", async || broker.state().unconfirmed > 0 || unconfirmed.is_finished())
        .await;
    let closing = Instant::now();
    broker.close(Duration::from_secs(60)).await;
    assert!(closing.elapsed() < Duration::from_secs(5), "closing took {:?}", closing.elapsed());
    assert!(inbox.next().await.is_none(), "the inbox has ended");
    assert!(in_hand.ack().await.is_err(), "what was in hand comes again elsewhere");
    let unconfirmed = unconfirmed.await.expect("no panic").expect_err("nobody has confirmed it");
    assert!(unconfirmed.passes_by_itself() || unconfirmed.kind == ErrorKind::Closed, "{unconfirmed}");
}

#[tokio::test]
async fn every_publish_to_a_mute_cluster_ends_and_goes_on_when_it_speaks() {
    let Some(own) = available(Exclusive::take().await) else { return };
    let broker = connect(&own.url(), &[("message.timeout.ms", "3000")]);
    let topic = unique("mute");
    send(&broker, message(&topic, "before")).await;
    own.kafka().pause();
    let asked = Instant::now();
    let error = broker
        .publish(outbound(Channel::Command, message(&topic, "meanwhile")))
        .await
        .expect_err("it is mute");
    assert_eq!(
        (error.kind, error.effect),
        (ErrorKind::Timeout, Effect::Unknown),
        "it may arrive later: {error}"
    );
    assert!(asked.elapsed() < Duration::from_secs(6), "a publish ends: {:?}", asked.elapsed());
    until("it is known to be away", async || !broker.state().connected).await;
    let asked = Instant::now();
    let error =
        broker.publish(outbound(Channel::Command, message(&topic, "refused"))).await.expect_err("it is mute");
    assert_eq!(error.effect, Effect::NotApplied, "now nothing is sent: {error}");
    assert!(asked.elapsed() < Duration::from_secs(1), "and nobody waits: {:?}", asked.elapsed());
    own.kafka().resume();
    until_connected(&broker).await;
    send(&broker, message(&topic, "after")).await;
    assert_eq!(broker.state().reconnects, 1, "it was lost once");
}

#[tokio::test]
async fn a_long_call_costs_neither_a_rebalance_nor_a_redelivery() {
    const MESSAGES: usize = 300;
    let Some(own) = available(Exclusive::take().await) else { return };
    let prefix = unique("long-");
    // As short as the cluster allows: who does not poll would be thrown out while it works.
    let options =
        [("group_prefix", prefix.as_str()), ("session.timeout.ms", "6000"), ("max.poll.interval.ms", "6000")];
    let broker = connect(&own.url(), &options);
    let topic = unique("long");
    let mut inbox = receive(&broker, &topic, "service").await;
    for n in 0..MESSAGES {
        send(&broker, message(&topic, &format!("m-{n}"))).await;
    }
    let mut in_hand = Vec::new();
    while let Ok(Some(delivery)) = timeout(Duration::from_secs(9), inbox.next()).await {
        in_hand.push(delivery);
    }
    assert!(
        in_hand.len() < MESSAGES,
        "the control: there is more than may be in hand, so that fetching had to stop"
    );
    let mut ids: Vec<String> = in_hand.iter().map(|delivery| delivery.message.id.to_string()).collect();
    for delivery in in_hand {
        delivery.ack().await.expect("the partition is still ours");
    }
    while ids.len() < MESSAGES {
        let delivery = next(&mut *inbox).await;
        ids.push(delivery.message.id.to_string());
        delivery.ack().await.expect("settled");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), MESSAGES, "each came once, and fetching goes on");
}

#[tokio::test]
async fn lost_confirms_lose_no_message_and_the_producer_repeats_none() {
    const MESSAGES: usize = 200;
    let Some(own) = available(Exclusive::take().await) else { return };
    let broker = connect(&own.url(), &[("partitions", "1")]);
    let topic = unique("lossy");
    send(&broker, message(&topic, "first")).await;
    own.proxy().lose_answers(0.05);
    let mut confirmed = Vec::new();
    let mut doubtful = Vec::new();
    for n in 0..MESSAGES {
        let id = format!("m-{n}");
        loop {
            let keyed = Message { key: Some("k".into()), ..message(&topic, &id) };
            match broker.publish(outbound(Channel::Command, keyed)).await {
                Ok(_) => confirmed.push(id),
                Err(error) if error.effect == Effect::Unknown => doubtful.push(id),
                Err(error) => {
                    assert!(error.passes_by_itself(), "the network is bad, the message is not: {error}");
                    // Nothing happened: it is sent again, as a gateway does.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            }
            break;
        }
    }
    assert!(own.proxy().answers_lost() > 0, "the control: answers were lost at all");
    own.proxy().lose_answers(0.0);
    until_connected(&broker).await;
    send(&broker, Message { key: Some("k".into()), ..message(&topic, "last") }).await;

    let mut inbox = receive(&broker, &topic, "service").await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let delivery = next(&mut *inbox).await;
        let id = delivery.message.id.to_string();
        delivery.ack().await.expect("settled");
        if id == "last" {
            break;
        }
        *times.entry(id).or_default() += 1;
    }
    for id in &confirmed {
        assert_eq!(times.get(id), Some(&1), "{id} was confirmed: it is there, and once");
    }
    assert!(
        confirmed.len() > MESSAGES / 2,
        "most got through: {} of {MESSAGES}, {} doubtful",
        confirmed.len(),
        doubtful.len()
    );
}

#[tokio::test]
async fn a_cluster_that_restarts_is_consumed_from_where_it_was() {
    let Some(own) = available(Exclusive::take().await) else { return };
    let prefix = unique("restart-");
    let broker = connect(&own.url(), &[("partitions", "1"), ("group_prefix", prefix.as_str())]);
    let topic = unique("restart");
    let mut inbox = receive(&broker, &topic, "service").await;
    send(&broker, message(&topic, "before")).await;
    next(&mut *inbox).await.ack().await.expect("settled");
    own.kafka().kill();
    until("the loss is noticed", async || !broker.state().connected).await;
    own.start_again().await;
    until_connected(&broker).await;
    send(&broker, message(&topic, "after")).await;
    // What was committed an instant before the end may come again; nothing else may, and nothing is missing.
    let mut delivery = next(&mut *inbox).await;
    if delivery.message.id == "before" {
        delivery.ack().await.expect("settled");
        delivery = next(&mut *inbox).await;
    }
    assert_eq!(delivery.message.id, "after", "the same inbox goes on");
    delivery.ack().await.expect("settled");
    assert_eq!(broker.state().reconnects, 1);
}
