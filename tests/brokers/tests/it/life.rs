//! Killed, restarted, paused: on the same port, and with the same data.

use std::net::TcpListener;
use std::time::Duration;

use async_nats::jetstream;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{
    Kafka, KafkaOptions, Nats, NatsOptions, Port, Rabbit, RabbitOptions, Redis, RedisOptions, Server,
    available,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use crate::client::{Greeting, KAFKA, NATS, RABBIT, REDIS, answers};

async fn lives(server: &Server, greeting: Greeting) {
    let (address, folder) = (server.address(), server.folder().to_owned());
    assert!(answers(address, greeting).await, "a started server serves: {server:?}");

    server.pause();
    assert!(!answers(address, greeting).await, "a paused one is mute");
    assert!(server.is_running(), "and is still there");
    server.resume();
    assert!(answers(address, greeting).await, "and goes on afterwards");

    server.kill();
    assert!(!server.is_running() && server.process_id().is_none(), "a killed one is gone");
    assert!(TcpStream::connect(address).await.is_err(), "and nobody listens");
    server.start_again().await;
    assert!(answers(address, greeting).await, "it comes again");

    let before = server.process_id();
    server.restart().await;
    assert_ne!(server.process_id(), before, "a restarted one is another process");
    assert_eq!(server.address(), address, "on the same port");
    assert!(answers(address, greeting).await, "and serves");

    assert_eq!(server.folder(), folder, "its data stay where they are");
}

fn is_gone(server: impl std::ops::Deref<Target = Server>) {
    let (address, folder) = (server.address(), server.folder().to_owned());
    drop(server);
    assert!(!folder.exists(), "a dropped server takes its folder with it");
    drop(TcpListener::bind(address).expect("and frees its port"));
}

#[tokio::test]
async fn nats_lives_and_keeps_its_streams() {
    let Some(nats) = available(Nats::start(NatsOptions::default()).await) else { return };
    let stream = jetstream::stream::Config { name: "kept".to_owned(), ..Default::default() };
    let made = jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"));
    made.create_stream(stream).await.expect("a stream");
    lives(&nats, NATS).await;
    let found = jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"));
    assert!(found.get_stream("kept").await.is_ok(), "what was stored is still there");
    is_gone(nats);
}

#[tokio::test]
async fn redis_lives_and_keeps_its_keys() {
    async fn ask(server: &Server, command: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(command).await.expect("a command");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        answer
    }
    let Some(redis) = available(Redis::start(RedisOptions::default()).await) else { return };
    assert_eq!(ask(&redis, b"SET kept yes\r\nQUIT\r\n").await, b"+OK\r\n+OK\r\n", "it takes a key");
    lives(&redis, REDIS).await;
    assert_eq!(ask(&redis, b"GET kept\r\nQUIT\r\n").await, b"$3\r\nyes\r\n+OK\r\n", "the key is still there");
    is_gone(redis);
}

#[tokio::test]
async fn rabbitmq_lives_and_keeps_its_users() {
    let Some(rabbit) = available(Rabbit::start(RabbitOptions::default()).await) else { return };
    rabbit.ctl(&["add_user", "kept", "secret"]).await;
    lives(&rabbit, RABBIT).await;
    assert!(rabbit.ctl(&["list_users"]).await.contains("kept"), "what was stored is still there");
    is_gone(rabbit);
}

#[tokio::test]
async fn kafka_lives() {
    let port = Port::free();
    let proxy = Proxy::to(port.address()).await;
    let options = KafkaOptions { port: Some(port), advertised: Some(proxy.address()), ..Default::default() };
    let Some(kafka) = available(Kafka::start(options).await) else { return };
    lives(&kafka, KAFKA).await;
    assert_eq!(told_by(&kafka).await, [proxy.address().port()], "clients are sent to the proxy");
    is_gone(kafka);
}

/// The ports of the brokers that a client is told to use.
async fn told_by(kafka: &Kafka) -> Vec<u16> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.address().to_string());
    let ask = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        let told = consumer.fetch_metadata(None, Duration::from_secs(10)).expect("an answer");
        told.brokers().iter().filter_map(|broker| broker.port().try_into().ok()).collect()
    };
    spawn_blocking(ask).await.expect("it does not panic")
}

#[tokio::test]
async fn a_paused_server_can_be_killed_and_a_killed_one_once_more() {
    let Some(redis) = available(Redis::start(RedisOptions::default()).await) else { return };
    redis.pause();
    redis.kill();
    assert!(!redis.is_running(), "SIGKILL does not wait for SIGCONT");
    redis.kill();
    redis.start_again().await;
    redis.pause();
    redis.restart().await;
    assert!(answers(redis.address(), REDIS).await, "a paused one can be restarted too");
}

#[tokio::test]
async fn what_is_shared_is_started_once() {
    let (Some(first), Some(second)) = (available(Nats::shared().await), available(Nats::shared().await))
    else {
        return;
    };
    assert_eq!(first.process_id(), second.process_id(), "one server for all who ask");
    assert!(answers(first.address(), NATS).await, "and it serves");
}

#[tokio::test]
async fn the_configuration_can_be_added_to() {
    let config = "max_payload: 2048".to_owned();
    let Some(nats) = available(Nats::start(NatsOptions { config, ..Default::default() }).await) else {
        return;
    };
    let client = async_nats::connect(nats.url()).await.expect("a connection");
    assert_eq!(client.server_info().max_payload, 2048, "the server has read the line");
}

#[test]
fn a_port_is_taken_once() {
    let ports: Vec<Port> = (0..20).map(|_| Port::free()).collect();
    let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), ports.len(), "nobody else gets a port while it is held, though nobody listens");
}
