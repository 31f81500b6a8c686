//! What becomes of a message that is handed over, and what its publisher is told.

use futures_util::future::join_all;
use sidegate_broker::{Channel, Effect, ErrorKind, Message};
use sidegate_test_brokers::{Rabbit, available};

use crate::support::harness::{APART_MESSAGE_BYTES_MAX, Apart};
use crate::support::plain::Plain;
use crate::support::{connect, message, publish, send, settings, unique};

#[tokio::test]
async fn of_many_under_way_exactly_those_that_no_queue_takes_are_refused() {
    const MESSAGES: usize = 512;
    /// So many that each channel has some. They are not durable, so that the broker confirms them together with what
    /// it returned: that is when the client library mixes up returns.
    const PLACES: usize = 32;
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let plain = Plain::at(server.address()).await;
    let mut places = Vec::new();
    for _ in 0..PLACES {
        places.push(plain.own_queue().await.to_string());
    }
    let is_lost = |n: usize| n % 3 == 1;
    let destinations: Vec<_> = (0..MESSAGES)
        .map(|n| if is_lost(n) { unique("gone").to_string() } else { places[n % PLACES].clone() })
        .collect();
    let replies = destinations.iter().enumerate();
    let replies =
        replies.map(|(n, place)| publish(&broker, Channel::Reply, message(place, &format!("r-{n}"))));
    for (n, result) in join_all(replies).await.into_iter().enumerate() {
        match result {
            Ok(_) => {
                assert!(!is_lost(n), "message {n} had no queue, and its publisher was told that it arrived");
            }
            Err(error) => {
                assert!(is_lost(n), "message {n} has a queue, and its publisher was told otherwise: {error}");
                assert_eq!(error.kind, ErrorKind::Rejected, "no such queue: {error}");
                assert_eq!(error.effect, Effect::NotApplied, "a returned message is nowhere");
            }
        }
    }
}

#[tokio::test]
async fn a_command_whose_queue_was_deleted_finds_it_made_again() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let (plain, destination) = (Plain::at(server.address()).await, unique("deleted"));
    send(&broker, &destination, "one").await;
    plain.delete(&destination).await;
    send(&broker, &destination, "two").await;
    let found = plain.get(&destination).await.expect("the second is in the new queue");
    assert_eq!(found.data, b"body of two", "it was not lost with the queue");
}

#[tokio::test]
async fn a_limit_that_only_the_server_knows_is_learnt_from_its_refusal() {
    let Some(apart) = available(Apart::take().await) else { return };
    let broker = connect(settings(apart.server.address(), &[]));
    let destination = unique("large");
    let large =
        Message { body: vec![0; APART_MESSAGE_BYTES_MAX + 1].into(), ..message(&destination, "large") };
    let error = publish(&broker, Channel::Command, large).await.expect_err("larger than the server takes");
    assert_eq!(error.kind, ErrorKind::TooLarge, "the sender learns that size is the trouble: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "and that it is not there: {error}");
    assert_eq!(
        broker.capabilities().message_bytes_max,
        APART_MESSAGE_BYTES_MAX,
        "the limit is known from now on"
    );
    send(&broker, &destination, "small").await;
}

#[tokio::test]
async fn a_name_that_the_protocol_cannot_hold_is_refused() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let error =
        publish(&broker, Channel::Command, message(&"x".repeat(256), "m-1")).await.expect_err("too long");
    assert_eq!(error.kind, ErrorKind::Rejected, "it would be too long the next time too: {error}");
}

#[tokio::test]
async fn nothing_is_left_unconfirmed_when_all_is_quiet() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let destination = unique("counted");
    join_all((0..64).map(|n| send(&broker, &destination, if n % 2 == 0 { "even" } else { "odd" }))).await;
    let state = broker.state();
    assert_eq!((state.connected, state.unconfirmed), (true, 0), "every message is accounted for: {state:?}");
}
