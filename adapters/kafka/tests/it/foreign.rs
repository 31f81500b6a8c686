//! Programs that know nothing of Sidegate, by their client library alone: they answer, and they ask.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sidegate_broker::{Broker, Channel, Inbox, Message, Names, Settings};
use sidegate_test_brokers::{Kafka, available};
use std::sync::Arc;

use crate::support::{
    connect, foreign_consumer, foreign_next, foreign_producer, header, listen, message, next, outbound,
    receive, send, settings, unique,
};

async fn produce(producer: &FutureProducer, topic: &str, partition: Option<i32>, headers: OwnedHeaders) {
    let mut record: FutureRecord<'_, str, str> = FutureRecord::to(topic).payload("answer").headers(headers);
    record.partition = partition;
    producer.send(record, Duration::from_secs(10)).await.expect("the cluster takes a record");
}

fn text(name: &str, value: &str) -> OwnedHeaders {
    OwnedHeaders::new().insert(Header { key: name, value: Some(value) })
}

/// A gateway with its reply inbox.
async fn asker(url: &str, gateway: &str, replica: &str) -> (Arc<dyn Broker>, String, Box<dyn Inbox>) {
    let broker = sidegate_kafka::connect(Settings {
        gateway: gateway.into(),
        replica: replica.into(),
        ..settings(url, &[])
    })
    .expect("settings that are right");
    let place = format!("sidegate.replies.{gateway}.{replica}");
    let inbox = listen(&broker, Channel::Reply, &place, gateway).await;
    (broker, place, inbox)
}

fn question(topic: &str, id: &str, place: &str) -> Message {
    Message { reply_to: Some(place.into()), ..message(topic, id) }
}

#[tokio::test]
async fn a_foreign_worker_answers_with_reply_to_and_correlation_id_and_nothing_else() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let (broker, place, mut replies) = asker(kafka.url(), &unique("shop"), "a1").await;
    let topic = unique("work");
    send(&broker, question(&topic, "question-1", &place)).await;

    let request = foreign_next(&foreign_consumer(kafka.url(), &topic)).await;
    assert_eq!(header(&request, "message-id"), Some(&b"question-1"[..]), "the message's id");
    let correlation_id = header(&request, "correlation-id").expect("what the answer must carry");
    let reply_to = std::str::from_utf8(header(&request, "reply-to").expect("where to answer")).expect("text");
    let partition = std::str::from_utf8(header(&request, "reply-partition").expect("and which partition"));
    let partition = partition.expect("text").parse().expect("a decimal number");
    let headers = OwnedHeaders::new().insert(Header { key: "correlation-id", value: Some(correlation_id) });
    produce(&foreign_producer(kafka.url()), reply_to, Some(partition), headers).await;

    let reply = next(&mut *replies).await;
    assert_eq!(reply.message.correlation_id.as_deref(), Some("question-1"), "it finds its request");
    assert_eq!(reply.message.body, "answer");
    reply.ack().await.expect("settled");
}

#[tokio::test]
async fn a_worker_that_ignores_the_partition_is_heard_all_the_same() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let gateway = unique("shop");
    let (_broker, _, mut replies) = asker(kafka.url(), &gateway, "a1").await;
    let producer = foreign_producer(kafka.url());
    for partition in 0..6 {
        let id = format!("question-{partition}");
        produce(
            &producer,
            &format!("sidegate.replies.{gateway}"),
            Some(partition),
            text("correlation-id", &id),
        )
        .await;
        let reply = next(&mut *replies).await;
        assert_eq!(
            reply.message.correlation_id.as_deref(),
            Some(id.as_str()),
            "partition {partition} is read too"
        );
        reply.ack().await.expect("settled");
    }
}

#[tokio::test]
async fn a_reply_to_one_replica_is_not_handed_to_another() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let (gateway, topic) = (unique("shop"), unique("work"));
    let (one, place_of_one, mut replies_of_one) = asker(kafka.url(), &gateway, "a1").await;
    let (other, place_of_other, mut replies_of_other) = asker(kafka.url(), &gateway, "b2").await;
    let mut worker = receive(&one, &topic, "worker").await;
    for (broker, place, id) in [(&one, &place_of_one, "of-one"), (&other, &place_of_other, "of-other")] {
        send(broker, question(&topic, id, place)).await;
        let request = next(&mut *worker).await;
        let reply_to = request.message.reply_to.clone().expect("where to answer");
        let reply =
            Message { correlation_id: request.message.correlation_id.clone(), ..message(&reply_to, "reply") };
        one.publish(outbound(Channel::Reply, reply)).await.expect("the answer is taken");
        request.ack().await.expect("settled");
    }
    // Each has its own as the first: that of the other came before or after it, and was skipped.
    let of_other = next(&mut *replies_of_other).await;
    assert_eq!(of_other.message.correlation_id.as_deref(), Some("of-other"), "not the one for its neighbour");
    let of_one = next(&mut *replies_of_one).await;
    assert_eq!(of_one.message.correlation_id.as_deref(), Some("of-one"));
    let silence = tokio::time::timeout(Duration::from_secs(1), replies_of_one.next()).await;
    assert!(silence.is_err(), "the neighbour's reply is not handed out: {silence:?}");
}

#[tokio::test]
async fn spring_asks_in_its_own_words_and_gets_its_bytes_back() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let (topic, answers) = (unique("work"), unique("answers"));
    let names = Names::new([
        ("correlation-id".into(), "kafka_correlationId".into()),
        ("reply-to".into(), "kafka_replyTopic".into()),
        ("reply-partition".into(), "kafka_replyPartition".into()),
    ]);
    let broker =
        sidegate_kafka::connect(Settings { names, ..settings(kafka.url(), &[]) }).expect("good settings");
    let mut worker = receive(&broker, &topic, "worker").await;
    broker.prepare(Channel::Command, &answers).await.expect("the asker's topic");

    let correlation_id =
        [0x80, 0xff, 0x00, 0x01, 0xfe, 0x7f, 0x80, 0x81, 0xc0, 0xc1, 0xf5, 0xff, 0x0a, 0x0d, 0x09, 0x20];
    let headers = OwnedHeaders::new()
        .insert(Header { key: "kafka_correlationId", value: Some(&correlation_id[..]) })
        .insert(Header { key: "kafka_replyTopic", value: Some(answers.as_str()) })
        .insert(Header { key: "kafka_replyPartition", value: Some(&[0_u8, 0, 0, 4][..]) });
    produce(&foreign_producer(kafka.url()), &topic, None, headers).await;

    let request = next(&mut *worker).await;
    assert_eq!(request.message.id, "", "Spring gives a message no id");
    let reply = Message {
        correlation_id: request.message.correlation_id.clone(),
        body: Bytes::from_static(b"served"),
        ..Message::new("reply-1", request.message.reply_to.clone().expect("where to answer"), Bytes::new())
    };
    broker.publish(outbound(Channel::Reply, reply)).await.expect("the answer is taken");
    request.ack().await.expect("settled");

    let answer = foreign_next(&foreign_consumer(kafka.url(), &answers)).await;
    assert_eq!(
        header(&answer, "kafka_correlationId"),
        Some(&correlation_id[..]),
        "sixteen bytes as they were"
    );
    assert_eq!(
        (answer.payload(), answer.partition()),
        (Some(&b"served"[..]), 4),
        "in the partition that it named"
    );
}

#[tokio::test]
async fn a_key_goes_where_javas_clients_put_it() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let broker = connect(kafka.url(), &[("partitions", "6")]);
    let topic = unique("keyed");
    // From the tests of Kafka's own `Utils.murmur2`, by six.
    for (key, partition) in
        [("21", 0), ("a-little-bit-long-string", 2), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5)]
    {
        let keyed = Message { key: Some(key.into()), ..message(&topic, "m") };
        let receipt = broker.publish(outbound(Channel::Command, keyed)).await.expect("taken");
        let position = receipt.position.expect("kafka tells where it is");
        assert!(position.starts_with(&format!("{topic}/{partition}@")), "key {key} at {position}");
    }
}
