//! What stands in Redis: for workers without Sidegate, and for operators.

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamPendingReply, StreamReadReply};
use redis::{FromRedisValue, cmd};
use sidegate_broker::{Channel, ErrorKind, Message, Settings};
use sidegate_redis::connect;
use sidegate_test_brokers::available;

use crate::harness::{Open, command, next, outbound, settings, subscription, until_well};

/// Somebody who knows Redis and not Sidegate.
struct Foreign(MultiplexedConnection);

impl Foreign {
    async fn connect(open: &Open) -> Self {
        let client = redis::Client::open(open.server.url()).expect("a URL");
        Self(client.get_multiplexed_async_connection().await.expect("Redis is there"))
    }

    /// One command, its words separated by spaces.
    async fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut request = cmd(words.next().expect("a command"));
        for word in words {
            request.arg(word);
        }
        request.query_async(&mut self.0).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

#[tokio::test]
async fn a_worker_without_sidegate_asks_and_is_answered() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut worker) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    let mut inbox = broker.subscribe(subscription(Channel::Command, "orders")).await.expect("a subscription");
    let _: String = worker.run("XADD orders * correlation-id 7 reply-to answers body hello").await;
    let request = next(&mut inbox).await;
    assert_eq!((request.message.id.as_str(), &request.message.body[..]), ("", &b"hello"[..]));
    let place = request.message.reply_to.clone().expect("it says where to answer");
    let answer = Message {
        correlation_id: request.message.correlation_id.clone(),
        ..Message::new("r", place, "hi".into())
    };
    broker.publish(outbound(Channel::Reply, answer)).await.expect("a reply needs no group");
    let read: StreamReadReply = worker.run("XREAD STREAMS answers 0").await;
    let answer = &read.keys[0].ids[0];
    for (name, value) in [("message-id", "r"), ("correlation-id", "7"), ("body", "hi")] {
        assert_eq!(answer.get::<String>(name).as_deref(), Some(value), "the answer has its {name}");
    }
    assert_eq!(answer.map.len(), 3, "and that is all there is to it: {answer:?}");
    let lives_s: i64 = worker.run("TTL answers").await;
    assert!((86_000..=86_400).contains(&lives_s), "a place that nobody asks at goes away: {lives_s}");
}

#[tokio::test]
async fn a_settled_command_is_deleted_and_an_event_stays_for_other_services() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    for (channel, stream, left) in [(Channel::Command, "orders", 0), (Channel::Event, "news", 1)] {
        let mut inbox = broker.subscribe(subscription(channel, stream)).await.expect("a subscription");
        broker
            .publish(outbound(channel, Message::new("m", stream, "".into())))
            .await
            .expect("it is published");
        next(&mut inbox).await.ack().await.expect("it is acknowledged");
        let length: u64 = redis.run(&format!("XLEN {stream}")).await;
        let pending: StreamPendingReply = redis.run(&format!("XPENDING {stream} service")).await;
        assert_eq!(
            (length, pending.count() as u64),
            (left, 0),
            "{stream}: settled for good, and no more than that"
        );
    }
}

#[tokio::test]
async fn events_that_are_too_old_go_when_later_ones_come() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    for n in 1..=250 {
        let _: String = redis.run(&format!("XADD news {n}-0 body old")).await;
    }
    for id in ["tells-the-time", "trims"] {
        broker
            .publish(outbound(Channel::Event, Message::new(id, "news", "".into())))
            .await
            .expect("published");
    }
    let length: u64 = redis.run("XLEN news").await;
    assert!((2..150).contains(&length), "whole blocks of a hundred old events are gone: {length} are left");
}

#[tokio::test]
async fn a_group_that_somebody_deleted_is_made_again_where_reading_was() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    let mut inbox = broker.subscribe(subscription(Channel::Event, "news")).await.expect("a subscription");
    let publish = async |id: &str| {
        broker
            .publish(outbound(Channel::Event, Message::new(id, "news", "".into())))
            .await
            .expect("published");
    };
    publish("before").await;
    next(&mut inbox).await.ack().await.expect("it is acknowledged");
    let _: u64 = redis.run("XGROUP DESTROY news service").await;
    publish("after").await;
    assert_eq!(next(&mut inbox).await.message.id, "after", "nothing is lost, and nothing comes twice");
}

#[tokio::test]
async fn what_is_not_there_and_not_to_be_made_is_told_with_what_to_do() {
    let Some(open) = available(Open::start().await) else { return };
    let mut redis = Foreign::connect(&open).await;
    let settings = Settings { create: false, ..settings(open.server.url(), "one", &[]) };
    let broker = connect(settings).await.expect("settings are fine");
    until_well(&broker).await;
    let told = [
        broker.prepare(Channel::Command, "orders").await.expect_err("there is no stream"),
        broker.publish(command("orders", "m")).await.expect_err("there is no stream"),
        broker.subscribe(subscription(Channel::Command, "orders")).await.err().expect("there is no group"),
    ];
    for error in told {
        assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself: {error}");
        assert!(error.to_string().contains("`create = true`"), "the operator learns what to do: {error}");
    }
    let there: u64 = redis.run("EXISTS orders").await;
    assert_eq!(there, 0, "nothing was made");
    let _: String = redis.run("XGROUP CREATE orders service 0 MKSTREAM").await;
    broker.publish(command("orders", "m")).await.expect("what somebody made is used");
    let mut inbox = broker.subscribe(subscription(Channel::Command, "orders")).await.expect("it is there");
    assert_eq!(next(&mut inbox).await.message.id, "m");
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_left_as_it_is_and_told() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    let _: u64 = redis.run("HSET orders a 1").await;
    let error = broker.prepare(Channel::Command, "orders").await.expect_err("it is no stream");
    assert!(error.to_string().contains("holds a hash, and Sidegate needs a stream"), "both sides: {error}");
    let refused = broker.publish(command("orders", "m")).await.expect_err("it is no stream");
    assert_eq!(refused.kind, ErrorKind::Rejected, "{refused}");
}

#[tokio::test]
async fn a_redis_without_memory_is_full_and_takes_messages_again_later() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    for (memory, channel) in [("1", Channel::Command), ("0", Channel::Command), ("1", Channel::Reply)] {
        let _: String = redis.run(&format!("CONFIG SET maxmemory {memory}")).await;
        let sent = broker.publish(outbound(channel, Message::new("m", "orders", "".into()))).await;
        let refused = sent.err().map(|error| (error.kind, error.effect));
        let full = (ErrorKind::Full, sidegate_broker::Effect::NotApplied);
        assert_eq!(refused, (memory == "1").then_some(full), "{channel:?} with {memory} bytes");
    }
}

#[tokio::test]
async fn an_operator_learns_what_waits_and_what_is_unsafe() {
    let Some(open) = available(Open::start().await) else { return };
    let (broker, mut redis) = (open.connect("one", &[]).await, Foreign::connect(&open).await);
    assert_eq!(broker.probe().await.warnings, [""; 0], "this Redis is set up as it should be");
    for (channel, stream) in [(Channel::Command, "orders"), (Channel::Event, "news")] {
        let inbox = broker.subscribe(subscription(channel, stream)).await.expect("a subscription");
        broker.publish(outbound(channel, Message::new("m", stream, "".into()))).await.expect("published");
        drop(inbox);
    }
    let _: String = redis.run("CONFIG SET appendfsync everysec").await;
    let health = broker.probe().await;
    let mut waiting = health.waiting;
    waiting.sort();
    assert_eq!(waiting, [("news".into(), 1), ("orders".into(), 1)], "unsettled messages wait");
    assert!(health.warnings.join("").contains("`appendfsync always`"), "{:?}", health.warnings);
}
