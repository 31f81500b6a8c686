//! Streams and consumers: made when absent, used as they are when present, and what an operator is told of them.

use async_nats::jetstream::{self, stream};
use sidegate_broker::{Channel, ErrorKind, Subscription};
use sidegate_nats::connect;

use crate::support::{World, ack, command, message, next, publish, receive, subscribe};

#[tokio::test]
async fn a_stream_that_takes_a_subject_already_is_used_as_it_is() {
    let Some(mut world) = World::new().await else { return };
    let jetstream = jetstream::new(world.foreign().await);
    let theirs =
        stream::Config { name: "THEIRS".into(), subjects: vec!["orders.>".into()], ..Default::default() };
    jetstream.create_stream(theirs).await.expect("a stream of somebody else");
    let broker = world.connect(&[]).await;
    let mut creating = receive(&broker, "orders.create").await;
    let mut cancelling = receive(&broker, "orders.cancel").await;
    publish(&broker, command(message("orders.cancel", "c-1"))).await.expect("their stream takes it");
    publish(&broker, command(message("orders.create", "c-2"))).await.expect("their stream takes it");
    for (worker, id) in [(&mut cancelling, "c-1"), (&mut creating, "c-2")] {
        let delivery = next(worker).await;
        assert_eq!(delivery.message.id, id, "each destination has a consumer of its own");
        ack(delivery).await;
    }
    let ours = jetstream.get_stream("sidegate-orders_create").await;
    assert!(ours.is_err(), "no second stream was made");
}

#[tokio::test]
async fn a_stream_of_our_name_that_is_something_else_is_an_error_that_shows_both() {
    let Some(mut world) = World::new().await else { return };
    let jetstream = jetstream::new(world.foreign().await);
    let theirs = stream::Config {
        name: "sidegate-orders".into(),
        subjects: vec!["orders".into()],
        ..Default::default()
    };
    jetstream.create_stream(theirs).await.expect("a stream of somebody else");
    let broker = world.connect(&[]).await;
    let error = broker.prepare(Channel::Command, "orders").await.expect_err("it is not what Sidegate makes");
    assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself: {error}");
    for word in ["retention limits", "retention workqueue", "create = false"] {
        assert!(error.to_string().contains(word), "the error says `{word}`: {error}");
    }
    let mut settings = world.settings(&[]);
    settings.create = false;
    let as_it_is = connect(settings).await.expect("settings that are right");
    publish(&as_it_is, command(message("orders", "op-1"))).await.expect("it is used as it is");
}

#[tokio::test]
async fn without_leave_to_make_it_an_absent_stream_is_a_clear_error() {
    let Some(mut world) = World::new().await else { return };
    let mut settings = world.settings(&[]);
    settings.create = false;
    let broker = connect(settings).await.expect("settings that are right");
    let error = publish(&broker, command(message("orders", "op-1"))).await.expect_err("no stream takes it");
    assert_eq!(error.kind, ErrorKind::Rejected);
    assert!(error.to_string().contains("`orders`") && error.to_string().contains("create = true"), "{error}");
}

#[tokio::test]
async fn a_command_has_one_receiver() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let _shop = receive(&broker, "orders").await;
    let billing = Subscription {
        channel: Channel::Command,
        destination: "orders".into(),
        service: "billing".into(),
        prefetch: 1,
    };
    let error = broker.subscribe(billing).await.err().expect("two services cannot share a command");
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
    assert!(error.to_string().contains("another service"), "the error says why: {error}");
}

#[tokio::test]
async fn a_wildcard_is_no_destination() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    for wrong in ["orders.*", "orders.>", "two words", ""] {
        for durable in [true, false] {
            let outbound = sidegate_broker::Outbound { durable, ..command(message(wrong, "op-1")) };
            let error = publish(&broker, outbound).await.expect_err("it would reach others than it names");
            assert_eq!(error.kind, ErrorKind::Rejected, "`{wrong}`: {error}");
        }
    }
}

#[tokio::test]
async fn a_probe_tells_what_waits_and_what_is_not_safe() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[("duplicate_window", "5s")]).await;
    let mut worker = subscribe(&broker, Channel::Command, "orders").await;
    let in_hand = {
        publish(&broker, command(message("orders", "op-0"))).await.expect("taken");
        next(&mut worker).await
    };
    drop(worker);
    ack(in_hand).await;
    let _idle = world.connect(&[]).await;
    for n in 1..=3 {
        publish(&broker, command(message("orders", &format!("op-{n}")))).await.expect("taken");
    }
    let health = broker.probe().await;
    assert_eq!(health.problem, None, "it can be reached");
    for word in ["sync_interval", "duplicate_window"] {
        assert!(
            health.warnings.iter().any(|warning| warning.contains(word)),
            "{word}: {:?}",
            health.warnings
        );
    }
    let mut quiet = world.settings(&[("sync_always", "true"), ("duplicate_window", "5s")]);
    quiet.create = false;
    let quiet = connect(quiet).await.expect("settings that are right");
    publish(&quiet, command(message("orders", "op-4"))).await.expect("taken");
    let health = quiet.probe().await;
    assert!(
        !health.warnings.iter().any(|warning| warning.contains("sync_interval")),
        "{:?}",
        health.warnings
    );
}
