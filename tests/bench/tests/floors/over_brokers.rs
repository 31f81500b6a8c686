//! Floors over real brokers; each is skipped, visibly, where its broker is not installed.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use lapin::ConnectionProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sidegate_test_brokers::{Kafka, KafkaOptions, Nats, NatsOptions, Rabbit, RabbitOptions, available};

use crate::floor::{Floor, told_by};

const DESTINATION: &str = "bench.work.1";
const TIMEOUT: Duration = Duration::from_secs(20);
/// What two requests to an accepting floor are answered with.
const ACCEPTED: &str = "HTTP/1.1 202 Accepted";

fn place<'a>(name: &'a str, url: &'a str) -> Vec<&'a str> {
    vec![name, "--url", url, "--destination", DESTINATION]
}

/// Asks until there are answers: a worker may still be on its way.
async fn answers(asking: &Floor) -> String {
    let until = Instant::now() + TIMEOUT;
    loop {
        match asking.try_answers() {
            Ok(answers) if answers.contains("200 OK") => return answers,
            last => assert!(Instant::now() < until, "the other side never answered: {last:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How often a floor without HTTP asked and was answered by the other one within a moment.
fn answered(name: &str, url: &str, answering: &Floor) -> u64 {
    let partner = answering.id().to_string();
    let plan = ["--milliseconds", "100", "--clients", "1", "--bytes", "512", "--partner", &partner];
    let sample = told_by(&[place(name, url), plan.to_vec()].concat());
    assert!(sample["partner"]["rss_kib"].as_u64() > Some(0), "it tells of both processes: {sample}");
    sample["requests"].as_u64().unwrap_or_else(|| panic!("a sample counts its requests: {sample}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hand_written_pair_brings_the_answers_of_its_service_over_nats() {
    let Some(nats) = available(Nats::start(NatsOptions::default()).await) else { return };
    let service = Floor::start(&["backend", "--bytes", "512"]);
    let asking = Floor::start(&place("floor-pair-ask", nats.url()));
    let nobody = asking.try_answers().unwrap_or_default();
    assert!(!nobody.contains("200 OK"), "nothing but the worker can answer: {nobody}");

    let worker = [place("floor-pair-answer", nats.url()), vec!["--backend", &service.address]].concat();
    let _worker = Floor::spawn(&worker);
    let answers = answers(&asking).await;
    assert_eq!(answers.matches("content-length: 512").count(), 2, "the service's own size: {answers}");
    assert_eq!(answers.matches(r#"{"order_id":"o-000001""#).count(), 2, "and its words: {answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nats_client_alone_asks_and_answers() {
    let Some(nats) = available(Nats::start(NatsOptions::default()).await) else { return };
    let answering = Floor::spawn(&place("floor-nats-answer", nats.url()));
    assert!(answered("floor-nats-ask", nats.url(), &answering) > 0, "requests are answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kafka_client_alone_asks_and_answers() {
    let Some(kafka) = available(Kafka::start(KafkaOptions::default()).await) else { return };
    let answering = Floor::spawn(&place("floor-kafka-answer", kafka.url()));
    assert!(answered("floor-kafka-ask", kafka.url(), &answering) > 0, "requests are answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_by_hand_is_in_a_stream() {
    let Some(nats) = available(Nats::start(NatsOptions::default()).await) else { return };
    let answers = Floor::start(&place("floor-nats-accept", nats.url())).answers();
    assert_eq!(answers.matches(ACCEPTED).count(), 2, "{answers}");

    let context = jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"));
    let name = context.stream_by_subject(DESTINATION).await.expect("a stream of the destination");
    let mut stream = context.get_stream(name).await.expect("that stream");
    let info = stream.info().await.expect("what it holds");
    assert_eq!(info.state.messages, 2, "both are at the broker when both are answered");
    assert_eq!(info.config.storage, jetstream::stream::StorageType::File, "on disk, as Sidegate's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_by_hand_is_in_a_quorum_queue() {
    let Some(rabbit) = available(Rabbit::start(RabbitOptions::default()).await) else { return };
    let answers = Floor::start(&place("floor-rabbitmq-accept", rabbit.url())).answers();
    assert_eq!(answers.matches(ACCEPTED).count(), 2, "{answers}");

    let connected = lapin::Connection::connect(rabbit.url(), ConnectionProperties::default()).await;
    let connection = connected.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queue = channel.queue_declare(DESTINATION.into(), options, FieldTable::default()).await;
    let queue = queue.expect("the queue of the destination");
    assert_eq!(queue.message_count(), 2, "both are at the broker when both are answered");
    let kinds = rabbit.ctl(&["list_queues", "name", "type"]).await;
    assert!(kinds.contains("quorum"), "of the kind that Sidegate makes: {kinds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_by_hand_is_in_a_topic() {
    let Some(kafka) = available(Kafka::start(KafkaOptions::default()).await) else { return };
    let answers = Floor::start(&place("floor-kafka-accept", kafka.url())).answers();
    assert_eq!(answers.matches(ACCEPTED).count(), 2, "{answers}");

    let servers = kafka.url().trim_start_matches("kafka://");
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", servers).create().expect("a consumer");
    let held = (0..6).map(|partition| {
        let offsets = consumer.fetch_watermarks(DESTINATION, partition, TIMEOUT);
        let (low, high) = offsets.unwrap_or_else(|error| panic!("partition {partition}: {error}"));
        high - low
    });
    assert_eq!(
        held.sum::<i64>(),
        2,
        "both are at the broker when both are answered, in one of six partitions"
    );
}
