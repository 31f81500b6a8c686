//! Queues are made when absent and never changed.

use std::time::Duration;

use sidegate_broker::{Channel, ErrorKind, Settings};
use sidegate_test_brokers::{Rabbit, available};

use crate::support::plain::Plain;
use crate::support::{ack, connect, listen, message, next, publish, send, settings, unique};

#[tokio::test]
async fn a_queue_with_other_settings_is_refused_with_both_sides_shown() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let (plain, destination) = (Plain::at(server.address()).await, unique("classic"));
    plain.declare(&destination, &[]).await;
    let error = broker.prepare(Channel::Command, &destination).await.expect_err("a classic queue");
    assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself: {error}");
    let text = error.to_string();
    for part in [destination.as_str(), "quorum", "classic", "create = false"] {
        assert!(text.contains(part), "the error shows {part}: {text}");
    }
    send(&connect(Settings { create: false, ..settings(server.address(), &[]) }), &destination, "m-1").await;
    assert!(plain.get(&destination).await.is_some(), "with create = false it is used as it is");
}

#[tokio::test]
async fn without_create_an_absent_queue_is_an_error_that_names_it() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(Settings { create: false, ..settings(server.address(), &[]) });
    let destination = unique("absent");
    let error = publish(&broker, Channel::Command, message(&destination, "m-1")).await.expect_err("no queue");
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
    assert!(error.to_string().contains(destination.as_str()), "{error}");
}

#[tokio::test]
async fn a_probe_tells_what_waits_and_which_queues_are_weak() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(Settings { create: false, ..settings(server.address(), &[]) });
    let (plain, weak, good) = (Plain::at(server.address()).await, unique("weak"), unique("good"));
    plain.declare(&weak, &[("x-max-length", "100")]).await;
    let quorum =
        [("x-queue-type", "quorum"), ("x-delivery-limit", "5"), ("x-dead-letter-exchange", "amq.fanout")];
    plain.declare(&good, &quorum).await;
    let mut inbox = listen(&broker, Channel::Command, &weak, 1).await;
    let _other = listen(&broker, Channel::Command, &good, 1).await;
    send(&broker, &weak, "m-1").await;
    ack(next(&mut inbox).await).await;
    let health = broker.probe().await;
    assert_eq!(health.problem, None, "the broker is fine");
    assert!(health.waiting.contains(&(weak.clone(), 0)), "what waits is told: {:?}", health.waiting);
    let said = |queue: &str, what: &str| {
        health.warnings.iter().any(|text| text.contains(queue) && text.contains(what))
    };
    assert!(said(&weak, "classic"), "a classic queue is warned about: {:?}", health.warnings);
    assert!(said(&good, "delivery limit of 5"), "so is a short delivery limit: {:?}", health.warnings);
    assert!(!said(&good, "classic"), "a quorum queue is none: {:?}", health.warnings);
}

#[tokio::test]
async fn a_probe_of_queues_made_here_has_nothing_to_say() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let _inbox = listen(&broker, Channel::Command, &unique("fine"), 1).await;
    let health = broker.probe().await;
    assert_eq!((health.problem, health.warnings), (None, Vec::new()), "the defaults are the safe ones");
}

#[tokio::test]
async fn a_message_beyond_the_delivery_limit_is_kept_among_the_dead() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[("delivery_limit", "1000000")]));
    let destination = unique("poison");
    let plain = Plain::at(server.address()).await;
    broker.prepare(Channel::Event, "any").await.expect("the exchange");
    let limited = [
        ("x-queue-type", "quorum"),
        ("x-delivery-limit", "1"),
        ("x-dead-letter-exchange", "sidegate.dead"),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ];
    send(&broker, &unique("any"), "makes the place of the dead").await;
    plain.declare(&destination, &limited).await;
    let as_it_is = connect(Settings { create: false, ..settings(server.address(), &[]) });
    send(&as_it_is, &destination, "poison").await;
    for _ in 0..2 {
        // Dropped with its inbox, the delivery goes back to the broker.
        let mut inbox = listen(&as_it_is, Channel::Command, &destination, 1).await;
        let delivery = next(&mut inbox).await;
        drop(inbox);
        drop(delivery);
    }
    let mut dead = None;
    let deadline = tokio::time::Instant::now() + crate::support::ARRIVAL;
    while dead.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "a message that passed its limit is not dropped");
        dead = plain.get("sidegate.dead").await.filter(|dead| dead.data == b"body of poison");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_the_gateway_rejects_is_not_among_the_dead() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let (plain, destination) = (Plain::at(server.address()).await, unique("parked"));
    let mut inbox = listen(&broker, Channel::Command, &destination, 1).await;
    send(&broker, &destination, "parked").await;
    next(&mut inbox).await.reject().await.expect("rejected");
    drop(inbox);
    assert!(plain.get(&destination).await.is_none(), "it is gone from its queue");
    let dead = plain.get("sidegate.dead").await;
    assert!(
        dead.is_none_or(|dead| dead.data != b"body of parked"),
        "the gateway has it: a second copy helps nobody"
    );
}
