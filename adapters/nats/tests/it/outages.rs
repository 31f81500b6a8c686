//! A server that is away, stands still, or whose answers are lost.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use sidegate_broker::{Effect, ErrorKind, Message};
use tokio::time::Instant;

use crate::support::{
    World, ack, command, direct, expect_nothing, message, next, publish, receive, until, within,
};

/// Every call ends by then, whatever the server does.
const DEADLINE: Duration = Duration::from_secs(8);

fn keyed(destination: &str, id: &str) -> Message {
    Message { key: Some("k".into()), ..message(destination, id) }
}

#[tokio::test]
async fn a_server_that_is_down_is_an_outage_and_not_an_error() {
    let Some(mut world) = World::new().await else { return };
    world.server.kill();
    let broker = world.connect(&[]).await;
    let asked_at = Instant::now();
    for outbound in [command(message("orders", "early")), direct(message("orders", "early"))] {
        let error = publish(&broker, outbound).await.expect_err("there is no server");
        assert_eq!(error.kind, ErrorKind::Unreachable, "it passes by itself: {error}");
        assert_eq!(error.effect, Effect::NotApplied, "it is certainly not there");
    }
    assert!(asked_at.elapsed() < Duration::from_secs(3), "nobody waits for an outage to end");
    assert!(!broker.state().connected, "and the state says so");
    assert!(broker.probe().await.problem.is_some(), "and so does a probe");

    world.server.start_again().await;
    until("connecting by itself", || broker.state().connected).await;
    publish(&broker, command(message("orders", "op-1"))).await.expect("the server is there");
    let mut worker = receive(&broker, "orders").await;
    assert_eq!(next(&mut worker).await.message.id, "op-1", "and what it took is delivered");
    assert_eq!(broker.state().reconnects, 0, "a first connection is none made again");
}

#[tokio::test]
async fn a_message_whose_confirmation_is_lost_is_published_again_and_delivered_once() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    publish(&broker, command(message("orders", "op-1"))).await.expect("the server is there");
    world.proxy.swallow_answers(true);
    let error = publish(&broker, command(message("orders", "op-2"))).await.expect_err("no answer comes");
    assert_eq!(error.effect, Effect::Unknown, "the server may have it: {error}");
    assert!(error.passes_by_itself(), "and it can be asked again: {error}");
    assert!(world.proxy.answers_lost() > 0, "the fault took place");
    world.proxy.swallow_answers(false);
    world.proxy.cut().await;
    within("publishing again", async {
        while publish(&broker, command(message("orders", "op-2"))).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let mut worker = receive(&broker, "orders").await;
    for id in ["op-1", "op-2"] {
        let delivery = next(&mut worker).await;
        assert_eq!(delivery.message.id, id);
        ack(delivery).await;
    }
    expect_nothing(&mut worker, "the server tells a message by its id").await;
}

#[tokio::test]
async fn while_the_server_stands_still_every_publish_ends_and_afterwards_all_goes_on() {
    // More than the client library's queue holds, and more than the network's buffers.
    const MESSAGES: usize = 3_000;
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    publish(&broker, command(message("orders", "first"))).await.expect("the server is there");
    world.server.pause();
    let body = Bytes::from(vec![b'x'; 64 * 1024]);
    let paused_at = Instant::now();
    let all = (0..MESSAGES).map(|n| {
        let message = Message::new(format!("op-{n}"), "orders", body.clone());
        broker.publish(command(message))
    });
    let outcomes = join_all(all).await;
    let waited = paused_at.elapsed();
    assert!(waited < DEADLINE, "no publish waits for the outage to end: {waited:?}");
    assert!(outcomes.iter().all(Result::is_err), "none was confirmed");
    let passing = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(
        passing.into_iter().all(sidegate_broker::BrokerError::passes_by_itself),
        "all may be tried again"
    );
    let state = broker.state();
    assert_eq!(state.unconfirmed, 0, "nothing is left waiting");

    world.server.resume();
    within("publishing again", async {
        while publish(&broker, command(message("orders", "last"))).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn closing_ends_in_time_with_a_server_that_is_dead_or_stands_still() {
    let Some(mut world) = World::new().await else { return };
    let (one, other) = (world.connect(&[]).await, world.connect(&[]).await);
    for broker in [&one, &other] {
        publish(broker, command(message("orders", "op-1"))).await.expect("the server is there");
    }
    let _worker = receive(&one, "orders").await;
    world.server.pause();
    let closed_at = Instant::now();
    one.close(Duration::from_secs(60)).await;
    assert!(
        closed_at.elapsed() < Duration::from_secs(5),
        "a server that stands still: {:?}",
        closed_at.elapsed()
    );
    world.server.kill();
    let closed_at = Instant::now();
    other.close(Duration::from_secs(60)).await;
    assert!(closed_at.elapsed() < Duration::from_secs(5), "a dead server: {:?}", closed_at.elapsed());
}

#[tokio::test]
async fn a_delivery_in_hand_survives_an_outage_longer_than_the_server_waits() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut worker = receive(&broker, "orders").await;
    // Without an id, so that the server's own number of it is all that tells it from another.
    publish(&broker, command(message("orders", ""))).await.expect("the server is there");
    let in_hand = next(&mut worker).await;
    world.proxy.refuse(true).await;
    world.proxy.cut().await;
    until("the outage", || !broker.state().connected).await;
    // Twice as long as the server waits for an acknowledgement, so that it sends the message again.
    expect_nothing_for(&mut worker, Duration::from_secs(2)).await;
    world.proxy.refuse(false).await;
    until("connecting by itself", || broker.state().connected).await;
    assert_eq!(broker.state().reconnects, 1, "it is counted");
    expect_nothing_for(&mut worker, Duration::from_secs(2)).await;
    ack(in_hand).await;
    publish(&broker, command(message("orders", "op-2"))).await.expect("the server is there");
    let delivery = next(&mut worker).await;
    assert_eq!(delivery.message.id, "op-2", "the first one was done once, and does not come again");
    ack(delivery).await;
}

async fn expect_nothing_for(worker: &mut Box<dyn sidegate_broker::Inbox>, time: Duration) {
    if let Ok(next) = tokio::time::timeout(time, worker.next()).await {
        panic!("what is in hand is not handed out twice, but {next:?} came");
    }
}

#[tokio::test]
async fn a_long_call_keeps_its_message_from_other_replicas() {
    let Some(mut world) = World::new().await else { return };
    let (one, other) = (world.connect(&[]).await, world.connect(&[]).await);
    let mut working = receive(&one, "orders").await;
    publish(&one, command(message("orders", "op-1"))).await.expect("the server is there");
    let in_hand = next(&mut working).await;
    let mut idle = receive(&other, "orders").await;
    // The server waits for a second only.
    expect_nothing_for(&mut idle, Duration::from_secs(3)).await;
    ack(in_hand).await;
    expect_nothing(&mut idle, "it is done").await;
}

#[tokio::test]
async fn what_a_dead_predecessor_had_in_hand_comes_before_later_messages_of_its_key() {
    let Some(mut world) = World::new().await else { return };
    let dying = world.connect(&[]).await;
    let mut worker = receive(&dying, "orders").await;
    publish(&dying, command(keyed("orders", "k-1"))).await.expect("the server is there");
    let in_hand = next(&mut worker).await;
    assert_eq!(in_hand.message.id, "k-1");
    // As good as dead: its connection ends, and it makes no other.
    world.proxy.refuse(true).await;
    world.proxy.cut().await;
    let url = world.server.url().to_owned();
    let living = sidegate_nats::connect(crate::support::settings(&url, 9, &[])).await.expect("right");
    publish(&living, command(keyed("orders", "k-2"))).await.expect("the server is there");
    let mut successor = receive(&living, "orders").await;
    for id in ["k-1", "k-2"] {
        let delivery = next(&mut successor).await;
        assert_eq!(delivery.message.id, id, "the order of a key holds over a death");
        ack(delivery).await;
    }
    drop(in_hand);
}

#[tokio::test]
async fn a_replica_that_stops_asking_leaves_its_messages_to_others_for_good() {
    let Some(mut world) = World::new().await else { return };
    let (one, other) = (world.connect(&[]).await, world.connect(&[]).await);
    let mut stopping = receive(&one, "orders").await;
    // It has asked the server, and asks for no delivery any more.
    expect_nothing(&mut stopping, "nothing was sent").await;
    publish(&one, command(message("orders", "op-1"))).await.expect("the server is there");
    let mut working = receive(&other, "orders").await;
    let delivery = next(&mut working).await;
    assert_eq!(delivery.message.id, "op-1", "it came to the one that did not take it, and then to the other");
    ack(delivery).await;
    expect_nothing(&mut stopping, "what is done is not handed out, although it came here too").await;
    publish(&one, command(message("orders", "op-2"))).await.expect("the server is there");
    drop(working);
    assert_eq!(next(&mut stopping).await.message.id, "op-2", "and it goes on");
}
