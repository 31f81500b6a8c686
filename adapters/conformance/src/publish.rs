//! What `Ok` of a publish promises: to whom a message goes, whole, and how often.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use compact_str::format_compact;
use sidegate_broker::{Channel, Effect, ErrorKind, Message, Outbound};

use crate::trial::{MANY, Trial, ack, command, either, event, message, outbound, place_for_replies, unique};

const COMMANDS: usize = 24;

pub(crate) async fn a_command_reaches_exactly_one_of_competing_consumers(trial: &mut Trial) {
    let destination = unique("orders");
    let other_replica = trial.second_connection().await;
    let mut one = trial.receive(&destination, 1).await;
    let mut other = trial.listen(&other_replica, Channel::Command, &destination, "service", 1).await;
    let mut expected: BTreeSet<_> = (0..COMMANDS).map(|n| format!("command-{n}")).collect();
    for id in &expected {
        trial.publish(command(&destination, id)).await;
    }
    while !expected.is_empty() {
        let delivery = either(&mut one, &mut other).await;
        let id = delivery.message.id.clone();
        assert!(expected.remove(id.as_str()), "{id} must reach one consumer once, not two or twice");
        ack(delivery).await;
    }
    one.expect_nothing("every command was delivered once").await;
    other.expect_nothing("every command was delivered once").await;
}

pub(crate) async fn an_event_reaches_every_subscribed_service_once(trial: &mut Trial) {
    let destination = unique("created");
    let other_replica = trial.second_connection().await;
    let mut billing = trial.subscribe(&destination, "billing").await;
    let mut billing_too = trial.listen(&other_replica, Channel::Event, &destination, "billing", MANY).await;
    let mut shipping = trial.subscribe(&destination, "shipping").await;
    trial.publish(event(&destination, "event-1")).await;
    ack(either(&mut billing, &mut billing_too).await).await;
    shipping.expect("event-1").await;
    billing.expect_nothing("replicas of one service share its one copy").await;
    billing_too.expect_nothing("replicas of one service share its one copy").await;
    shipping.expect_nothing("a service gets one copy").await;
}

pub(crate) async fn a_command_without_a_consumer_waits_for_one(trial: &mut Trial) {
    let destination = unique("late");
    let prepared = trial.broker.prepare(Channel::Command, &destination).await;
    assert!(prepared.is_ok(), "a sender can make its destination exist: {prepared:?}");
    trial.send(&destination, &["early"]).await;
    let mut consumer = trial.receive(&destination, 1).await;
    consumer.expect("early").await;
}

pub(crate) async fn every_property_and_byte_arrives_as_it_was_sent(trial: &mut Trial) {
    let (destination, answers) = (unique("whole"), place_for_replies("answers"));
    let mut consumer = trial.receive(&destination, 1).await;
    for body in [Bytes::new(), Bytes::from_iter(0..=u8::MAX), Bytes::from(vec![b'x'; 64 * 1024])] {
        // A message of its own each time: a broker that remembers ids drops one that it has had.
        let id = format_compact!("whole-{}", body.len());
        let sent = Message {
            key: Some("customer-1".into()),
            correlation_id: Some("order-7".into()),
            reply_to: Some(answers.clone()),
            content_type: Some("application/json; charset=utf-8".into()),
            headers: vec![
                ("sidegate-operation".into(), "op-1".into()),
                ("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
                ("x-empty".into(), "".into()),
                ("x-text".into(), "a, b; c=\"d\"".into()),
            ],
            body,
            ..message(&destination, &id)
        };
        trial.publish(outbound(Channel::Command, sent.clone())).await;
        let delivery = consumer.next().await;
        assert_whole(&delivery.message, &sent);
        ack(delivery).await;
    }
}

/// Headers may come in another order, and beside some of the protocol's own; a reply-to is opaque, so that only
/// its presence can be told from here.
fn assert_whole(received: &Message, sent: &Message) {
    for (name, value) in &sent.headers {
        assert_eq!(received.header(name), Some(value.as_str()), "header {name} arrives as it was sent");
    }
    assert!(received.reply_to.is_some(), "where to answer arrives");
    let comparable =
        Message { headers: sent.headers.clone(), reply_to: sent.reply_to.clone(), ..received.clone() };
    assert_eq!(&comparable, sent, "every property and byte arrives as it was sent");
}

pub(crate) async fn a_header_value_keeps_every_character(trial: &mut Trial) {
    const VALUES: [&str; 8] = [
        "Zoë Müller, Łódź",
        "北京 🚀 مرحبا",
        "e\u{301} is not \u{e9}",
        "base64:aGVsbG8=",
        "a, b; c=\"d\" 'e' \\ %41 {f}",
        "0",
        "-1.50",
        "true",
    ];
    let destination = unique("letters");
    let mut consumer = trial.receive(&destination, 1).await;
    let long = "ß".repeat(2048);
    let values = VALUES.into_iter().chain([long.as_str()]);
    let headers =
        values.enumerate().map(|(n, value)| (format_compact!("x-value-{n}"), value.into())).collect();
    let sent = Message { headers, ..message(&destination, "letters") };
    trial.publish(outbound(Channel::Command, sent.clone())).await;
    let delivery = consumer.next().await;
    for (name, value) in &sent.headers {
        assert_eq!(delivery.message.header(name), Some(value.as_str()), "{name} arrives as it was sent");
    }
    ack(delivery).await;
}

pub(crate) async fn a_message_that_need_not_be_durable_arrives_too(trial: &mut Trial) {
    let destination = unique("fast");
    let mut consumer = trial.receive(&destination, MANY).await;
    for id in ["fast-1", "fast-2"] {
        let transient = Outbound { durable: false, ..command(&destination, id) };
        trial.publish(transient).await;
    }
    let mut ids = consumer.take(2).await;
    ids.sort();
    assert_eq!(ids, ["fast-1", "fast-2"], "a running consumer gets what need not be durable");
}

pub(crate) async fn publishing_the_same_id_again_is_allowed(trial: &mut Trial) {
    let destination = unique("again");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send(&destination, &["same", "same", "last"]).await;
    loop {
        let delivery = consumer.next().await;
        let id = delivery.message.id.clone();
        ack(delivery).await;
        if id == "last" {
            return;
        }
        assert_eq!(id, "same", "the repeated message comes once or twice, and nothing else comes");
    }
}

pub(crate) async fn a_message_larger_than_the_broker_takes_is_refused(trial: &mut Trial) {
    const TRIED_BYTES_MAX: usize = 256 * 1024 * 1024;
    let bytes_max = trial.broker.capabilities().message_bytes_max;
    if bytes_max > TRIED_BYTES_MAX {
        return trial.skip("the broker takes messages larger than a test should send");
    }
    let destination = unique("large");
    let body = Bytes::from(vec![0; bytes_max + 1]);
    let large = outbound(Channel::Command, Message::new("large", destination.clone(), body));
    let refused = trial.try_publish(&Arc::clone(&trial.broker), large).await;
    let error = refused.expect_err("a message above message_bytes_max must be refused");
    assert_eq!(error.kind, ErrorKind::TooLarge, "the sender must learn that size is the trouble: {error}");
    assert_eq!(error.effect, Effect::NotApplied, "a refused message is certainly not there");
    trial.send(&destination, &["small"]).await;
    trial.receive(&destination, 1).await.expect("small").await;
}

pub(crate) async fn an_event_published_before_the_first_subscription_is_not_delivered(trial: &mut Trial) {
    let destination = unique("news");
    let prepared = trial.broker.prepare(Channel::Event, &destination).await;
    assert!(prepared.is_ok(), "a sender can make its destination exist: {prepared:?}");
    trial.publish(event(&destination, "before")).await;
    let mut subscriber = trial.subscribe(&destination, "newcomer").await;
    trial.publish(event(&destination, "after")).await;
    subscriber.expect("after").await;
    subscriber.expect_nothing("a service hears what is published from its first subscription on").await;
}

pub(crate) async fn an_event_published_while_its_subscriber_is_away_is_delivered_later(trial: &mut Trial) {
    let destination = unique("news");
    drop(trial.subscribe(&destination, "sleeper").await);
    trial.publish(event(&destination, "meanwhile")).await;
    let mut subscriber = trial.subscribe(&destination, "sleeper").await;
    subscriber.expect("meanwhile").await;
}
