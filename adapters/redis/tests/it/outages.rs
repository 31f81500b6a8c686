//! Redis or the way to it is not there, or does not answer.

use std::time::Duration;

use sidegate_broker::{Channel, Effect, ErrorKind, Message};
use sidegate_fault_proxy::Proxy;
use sidegate_redis::connect;
use sidegate_test_brokers::available;
use tokio::time::{Instant, timeout};

use crate::harness::{
    ARRIVAL, CLAIM_AFTER, Open, command, next, outbound, settings, subscription, until_well,
};

#[tokio::test]
async fn a_redis_that_is_down_at_start_is_told_at_once_and_connected_to_later() {
    let Some(open) = available(Open::start().await) else { return };
    open.server.kill();
    let broker = connect(settings(open.server.url(), "one", &[])).await.expect("down is no error");
    let began = Instant::now();
    let error = broker.publish(command("orders", "early")).await.expect_err("nobody is there");
    assert_eq!((error.kind, error.effect), (ErrorKind::Unreachable, Effect::NotApplied), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "nobody waits long for a broker that is down");
    open.server.start_again().await;
    until_well(&broker).await;
    broker.publish(command("orders", "later")).await.expect("it is connected to by itself");
    assert!(broker.state().connected, "and says so");
}

#[tokio::test]
async fn a_redis_that_says_nothing_holds_up_neither_a_publisher_nor_the_end() {
    let Some(open) = available(Open::start().await) else { return };
    let broker = open.connect("one", &[]).await;
    let _inbox = broker.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    open.server.pause();
    let sent = timeout(Duration::from_secs(6), broker.publish(command("orders", "mute"))).await;
    let error = sent.expect("a publish ends").expect_err("nobody confirms it");
    assert_eq!(error.effect, Effect::Unknown, "it may have arrived: {error}");
    let began = Instant::now();
    broker.close(Duration::from_secs(10)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "a dead broker must not hold up the end");
}

#[tokio::test]
async fn a_lost_confirmation_is_of_unknown_effect_and_the_message_is_there() {
    let Some(open) = available(Open::start().await) else { return };
    let broker = open.connect("one", &[]).await;
    open.proxy.swallow_answers(true);
    let lost = broker.publish(command("orders", "m-1")).await.expect_err("the answer was lost");
    assert_eq!(lost.effect, Effect::Unknown, "Redis took it: {lost}");
    assert!(lost.passes_by_itself(), "and it is worth another attempt");
    open.proxy.swallow_answers(false);
    until_well(&broker).await;
    assert_eq!(broker.state().reconnects, 1, "a connection that went silent is replaced");
    let mut inbox = broker.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    assert_eq!(next(&mut inbox).await.message.id, "m-1", "nothing is lost");
}

#[tokio::test]
async fn what_a_dead_replica_held_goes_to_another_and_counts_as_an_attempt() {
    let Some(open) = available(Open::start().await) else { return };
    let dying = open.connect("one", &[]).await;
    let mut its_inbox =
        dying.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    dying.publish(command("orders", "m-1")).await.expect("it is published");
    let held = next(&mut its_inbox).await;
    open.proxy.black_hole(true);
    let other = connect(settings(open.server.url(), "two", &[])).await.expect("settings are fine");
    until_well(&other).await;
    let mut inbox = other.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    let again = next(&mut inbox).await;
    assert_eq!((again.message.id.as_str(), again.attempt), ("m-1", 2), "it comes again, counted");
    drop(held);
}

#[tokio::test]
async fn a_long_call_is_given_to_nobody_else() {
    let Some(open) = available(Open::start().await) else { return };
    let (one, two) = (open.connect("one", &[]).await, open.connect("two", &[]).await);
    let mut inbox = one.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    one.publish(command("orders", "long")).await.expect("it is published");
    let held = next(&mut inbox).await;
    let mut elsewhere =
        two.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    let given = timeout(CLAIM_AFTER * 3, elsewhere.next()).await;
    assert!(given.is_err(), "what is in hand is kept fresh, but it was given to {given:?}");
    drop(inbox);
    let given = timeout(CLAIM_AFTER * 3, elsewhere.next()).await;
    assert!(given.is_err(), "also when nothing more is wanted, but it was given to {given:?}");
    held.ack().await.expect("it is still ours");
}

#[tokio::test]
async fn a_replica_that_died_and_came_back_goes_on_in_the_order_of_keys() {
    let Some(open) = available(Open::start().await) else { return };
    let crashing = Proxy::to(open.server.address()).await;
    let url = format!("redis://{}", crashing.address());
    let died = connect(settings(&url, "one", &[])).await.expect("settings are fine");
    until_well(&died).await;
    let mut its_inbox =
        died.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    let send = async |id: &str| {
        let message = Message { key: Some("k".into()), ..Message::new(id, "orders", "".into()) };
        open_publish(&open, message).await;
    };
    send("k-1").await;
    let held = next(&mut its_inbox).await;
    crashing.black_hole(true);
    send("k-2").await;
    let back = open.connect("one", &[]).await;
    let mut inbox = back.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    for id in ["k-1", "k-2"] {
        let delivery = next(&mut inbox).await;
        assert_eq!(
            delivery.message.id, id,
            "a later message of the key must not overtake the one that was in hand"
        );
        delivery.ack().await.expect("it is acknowledged");
    }
    drop(held);
}

async fn open_publish(open: &Open, message: Message) {
    let broker = open.connect("sender", &[]).await;
    timeout(ARRIVAL, broker.publish(outbound(Channel::Command, message)))
        .await
        .expect("publishing ends")
        .expect("it is published");
}

#[tokio::test]
async fn what_a_closed_gateway_had_in_hand_is_ripe_at_once() {
    let Some(open) = available(Open::start().await) else { return };
    let patient = [("claim_after", "10m")];
    let (closing, other) = (open.connect("one", &patient).await, open.connect("two", &patient).await);
    let mut inbox =
        closing.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    closing.publish(command("orders", "m-1")).await.expect("it is published");
    let held = next(&mut inbox).await;
    closing.close(Duration::from_secs(1)).await;
    let mut elsewhere =
        other.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    assert_eq!(next(&mut elsewhere).await.message.id, "m-1", "nobody waits ten minutes for what was let go");
    drop(held);
}
