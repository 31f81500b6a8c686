//! Who may connect connects, by the real client of each broker, and nobody else.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_nats::ConnectOptions;
use lapin::{Connection, ConnectionProperties};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sidegate_test_brokers::{
    Kafka, KafkaOptions, Login, Nats, NatsLogin, NatsOptions, Rabbit, RabbitOptions, Redis, RedisOptions,
    Tls, available,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

fn gateway() -> Login {
    Login::new("gateway", "let-me-in")
}

async fn nats(login: NatsLogin) -> Option<Nats> {
    let server = available(Nats::start(NatsOptions { login, ..Default::default() }).await)?;
    assert!(async_nats::connect(server.url()).await.is_err(), "a stranger is not let in");
    Some(server)
}

#[tokio::test]
async fn nats_lets_in_who_knows_the_password() {
    let Some(server) = nats(NatsLogin::Password(gateway())).await else { return };
    let options = ConnectOptions::new().user_and_password(gateway().user, gateway().password);
    options.connect(server.url()).await.expect("the password is right");
}

#[tokio::test]
async fn nats_lets_in_who_holds_the_key() {
    let Some(server) = nats(NatsLogin::Nkey).await else { return };
    let seed = std::fs::read_to_string(server.nkey_seed_file()).expect("the seed");
    ConnectOptions::with_nkey(seed).connect(server.url()).await.expect("the key is right");
}

#[tokio::test]
async fn nats_lets_in_who_has_credentials_and_streams_work() {
    let Some(server) = nats(NatsLogin::Creds).await else { return };
    let options = ConnectOptions::with_credentials_file(server.creds_file()).await.expect("credentials");
    let client = options.connect(server.url()).await.expect("the credentials are right");
    let stream = async_nats::jetstream::stream::Config { name: "mine".to_owned(), ..Default::default() };
    async_nats::jetstream::new(client).create_stream(stream).await.expect("the account may make streams");
}

#[tokio::test]
async fn redis_lets_in_who_knows_the_password() {
    async fn ask(address: SocketAddr, command: String) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(format!("{command}QUIT\r\n").as_bytes()).await.expect("a command");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }
    let options = RedisOptions { login: Some(gateway()), ..Default::default() };
    let Some(server) = available(Redis::start(options).await) else { return };
    let stranger = ask(server.address(), "SET key value\r\n".to_owned()).await;
    assert!(stranger.starts_with("-NOAUTH"), "a stranger is not let in: {stranger}");
    let Login { user, password } = gateway();
    let known = ask(server.address(), format!("AUTH {user} {password}\r\nSET key value\r\n")).await;
    assert_eq!(known, "+OK\r\n+OK\r\n+OK\r\n", "the password is right");
}

#[tokio::test]
async fn rabbitmq_lets_in_who_knows_the_password() {
    let options = RabbitOptions { login: Some(gateway()), ..Default::default() };
    let Some(server) = available(Rabbit::start(options).await) else { return };
    let connect = async |url: String| Connection::connect(&url, ConnectionProperties::default()).await;
    assert!(connect(server.url().to_owned()).await.is_err(), "`guest` is not let in");
    let Login { user, password } = gateway();
    let url = server.url().replace("://", &format!("://{user}:{password}@"));
    connect(url).await.expect("the password is right");
}

#[tokio::test]
async fn kafka_lets_in_who_knows_the_password_over_tls() {
    let options = KafkaOptions { tls: Tls::Server, login: Some(gateway()), ..Default::default() };
    let Some(server) = available(Kafka::start(options).await) else { return };
    let files = server.certificates().expect("certificates").clone();
    let port = server.port();
    for mechanism in ["SCRAM-SHA-256", "PLAIN"] {
        let answers = async |password: &str, trusts: &Path| {
            kafka_answers(client(port, mechanism, password, trusts)).await
        };
        let Login { password, .. } = gateway();
        assert!(answers(&password, &files.ca).await, "{mechanism}: the password is right");
        assert!(!answers("guess", &files.ca).await, "{mechanism}: it is not");
        assert!(!answers(&password, &files.other_ca).await, "{mechanism}: the server is not one to trust");
    }
}

fn client(port: u16, mechanism: &str, password: &str, trusts: &Path) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", format!("localhost:{port}")).set("security.protocol", "SASL_SSL");
    config.set("ssl.ca.location", trusts.display().to_string()).set("sasl.mechanisms", mechanism);
    config.set("sasl.username", gateway().user).set("sasl.password", password);
    config
}

async fn kafka_answers(config: ClientConfig) -> bool {
    let ask = move || {
        let consumer: BaseConsumer = config.create().expect("a client");
        consumer.fetch_metadata(None, Duration::from_secs(3)).is_ok()
    };
    spawn_blocking(ask).await.expect("it does not panic")
}
