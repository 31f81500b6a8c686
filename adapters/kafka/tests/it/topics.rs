//! Topics are made when absent, as the config says, and never changed.

use sidegate_broker::{Channel, Effect, ErrorKind, Message, Settings};
use sidegate_test_brokers::{Kafka, available};

use crate::support::{connect, foreign_consumer, message, outbound, receive, send, settings, unique};
use rdkafka::consumer::Consumer as _;
use std::time::Duration;

/// Partitions and replicas; `None` when there is no such topic.
fn look(url: &str, topic: &str) -> Option<(usize, usize)> {
    let consumer = foreign_consumer(url, topic);
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).expect("the cluster answers");
    let topic = metadata.topics().iter().find(|known| known.name() == topic)?;
    Some((topic.partitions().len(), topic.partitions().first()?.replicas().len()))
}

#[tokio::test]
async fn a_topic_is_made_for_its_sender_as_the_config_says() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[("partitions", "3"), ("retention", "2d")]);
    let topic = unique("made");
    assert_eq!(look(kafka.url(), &topic), None, "nobody has made it");
    broker.prepare(Channel::Command, &topic).await.expect("it is made");
    assert_eq!(look(kafka.url(), &topic), Some((3, 1)), "three partitions, one replica");
    let again = connect(kafka.url(), &[("partitions", "3"), ("retention", "2d")]);
    again.prepare(Channel::Command, &topic).await.expect("what is there as it should be is used");
    let modest = connect(kafka.url(), &[]);
    modest.prepare(Channel::Command, &topic).await.expect("a config that says nothing demands nothing");
}

#[tokio::test]
async fn a_topic_that_is_otherwise_is_refused_with_both_sides() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let topic = unique("other");
    connect(kafka.url(), &[("partitions", "3"), ("retention", "2d")])
        .prepare(Channel::Command, &topic)
        .await
        .expect("it is made");
    for (option, value, is, wanted) in [
        ("partitions", "4", "partitions = 3", "partitions = 4"),
        ("retention", "3d", "172800000", "259200000"),
    ] {
        let broker = connect(kafka.url(), &[(option, value)]);
        let error = broker.prepare(Channel::Command, &topic).await.expect_err("it is not as the config says");
        let text = error.to_string();
        assert_eq!(error.kind, ErrorKind::Rejected, "that does not pass by itself: {text}");
        assert!(text.contains(is) && text.contains(wanted) && text.contains("create = false"), "{text}");
        let settings = Settings { create: false, ..settings(kafka.url(), &[(option, value)]) };
        let as_it_is = sidegate_kafka::connect(settings).expect("good settings");
        as_it_is.prepare(Channel::Command, &topic).await.expect("with `create = false` it is used as it is");
    }
    assert_eq!(look(kafka.url(), &topic), Some((3, 1)), "nothing was changed");
}

#[tokio::test]
async fn an_absent_topic_is_refused_where_nothing_may_be_made() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let settings = Settings { create: false, ..settings(kafka.url(), &[]) };
    let broker = sidegate_kafka::connect(settings).expect("good settings");
    let topic = unique("absent");
    let error =
        broker.publish(outbound(Channel::Command, message(&topic, "m"))).await.expect_err("it is not there");
    assert_eq!((error.kind, error.effect), (ErrorKind::Rejected, Effect::NotApplied), "{error}");
    assert!(error.to_string().contains("create = true"), "what to do: {error}");
    assert_eq!(look(kafka.url(), &topic), None, "asking for it has not made it");
}

#[tokio::test]
async fn a_reply_to_a_place_that_is_gone_is_refused_and_makes_nothing() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[]);
    let place = unique("gone");
    let reply = Message { correlation_id: Some("x".into()), ..message(&place, "reply") };
    let error = broker.publish(outbound(Channel::Reply, reply)).await.expect_err("nobody is there");
    assert_eq!(
        (error.kind, error.effect),
        (ErrorKind::Rejected, Effect::NotApplied),
        "no endless retry: {error}"
    );
    assert_eq!(look(kafka.url(), &place), None, "no topic for nobody");
}

#[tokio::test]
async fn a_reply_to_a_partition_that_is_not_there_is_refused() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[("partitions", "2")]);
    let topic = unique("few");
    broker.prepare(Channel::Command, &topic).await.expect("it is made");
    let reply = message(&format!("{topic}#7"), "reply");
    let error = broker.publish(outbound(Channel::Reply, reply)).await.expect_err("there are two partitions");
    assert_eq!((error.kind, error.effect), (ErrorKind::Rejected, Effect::NotApplied), "{error}");
}

#[tokio::test]
async fn a_name_that_kafka_does_not_take_is_refused_before_it_is_asked() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[]);
    let error = broker.prepare(Channel::Command, "orders/new").await.expect_err("not a topic's name");
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
}

#[tokio::test]
async fn a_probe_tells_what_waits_and_what_is_unsafe() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[("retention", "1h"), ("group_prefix", unique("probe-").as_str())]);
    let topic = unique("probed");
    let mut inbox = receive(&broker, &topic, "service").await;
    for n in 0..3 {
        send(&broker, message(&topic, &format!("m-{n}"))).await;
    }
    let one = crate::support::next(&mut *inbox).await;
    one.ack().await.expect("settled");
    crate::support::until("two wait and one is committed", async || {
        let health = broker.probe().await;
        health.problem.is_none() && health.waiting == [(topic.clone(), 2)]
    })
    .await;
    let warnings = broker.probe().await.warnings.join("\n");
    for (what, set) in [("one replica", "replication = 3"), ("dropped within a day", "retention.ms")] {
        assert!(
            warnings.contains(what) && warnings.contains(set),
            "what is unsafe, and what to set: {warnings}"
        );
    }
}
