//! With TLS a server shows a certificate of its authority, and asks for one when it is told to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sidegate_test_brokers::{
    Certificates, Kafka, KafkaOptions, Nats, NatsOptions, Rabbit, RabbitOptions, Redis, RedisOptions, Server,
    Tls, available,
};

use crate::client::{Greeting, KAFKA, NATS, RABBIT, REDIS, answers};

/// What a client brings.
struct Papers<'a> {
    trusts: &'a Path,
    shows: Option<&'a Certificates>,
}

/// Greets over TLS and returns whether the answer is the expected one.
fn greet(address: SocketAddr, greeting: Greeting, papers: &Papers<'_>) -> io::Result<bool> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    // NATS speaks first, in plain text, and then wants TLS.
    let speaks_first = greeting.says.is_empty();
    let heard = speaks_first.then(|| read_line(&mut socket)).transpose()?;
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config(papers)), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    // The end of a handshake in TLS 1.3 does not tell whether the server liked the certificate; an answer does.
    stream.write_all(if speaks_first {
        b"CONNECT {\"verbose\":false}\r\nPING\r\n"
    } else {
        greeting.says
    })?;
    let expected = if speaks_first { b"PONG" } else { greeting.hears };
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == expected && heard.is_none_or(|line| line.starts_with(greeting.hears)))
}

fn read_line(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while byte != *b"\n" {
        socket.read_exact(&mut byte)?;
        line.extend(byte);
    }
    Ok(line)
}

fn config(papers: &Papers<'_>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(papers.trusts).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("ring knows TLS").with_root_certificates(roots);
    let Some(shows) = papers.shows else { return builder.with_no_client_auth() };
    let certificate = CertificateDer::from_pem_file(&shows.client_cert).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&shows.client_key).expect("a key");
    builder.with_client_auth_cert(vec![certificate], key).expect("a client's certificate")
}

async fn asks_for_nothing(server: &Server, greeting: Greeting) {
    let files = server.certificates().expect("TLS has certificates");
    let greeted = greet(server.address(), greeting, &Papers { trusts: &files.ca, shows: None });
    assert!(
        matches!(greeted, Ok(true)),
        "who trusts the authority is served: {greeted:?}\n{}",
        server.log_tail()
    );
    let refused = greet(server.address(), greeting, &Papers { trusts: &files.other_ca, shows: None });
    assert!(refused.is_err(), "who trusts another must not be fooled");
    if !greeting.says.is_empty() {
        assert!(!answers(server.address(), greeting).await, "nobody is served in plain text");
    }
}

fn asks_for_papers(server: &Server, greeting: Greeting) {
    let files = server.certificates().expect("TLS has certificates");
    let greeted = greet(server.address(), greeting, &Papers { trusts: &files.ca, shows: Some(files) });
    assert!(
        matches!(greeted, Ok(true)),
        "who shows a certificate is served: {greeted:?}\n{}",
        server.log_tail()
    );
    let refused = greet(server.address(), greeting, &Papers { trusts: &files.ca, shows: None });
    assert!(refused.is_err(), "who shows none is refused");
}

#[tokio::test]
async fn nats_speaks_tls() {
    let options = |tls| NatsOptions { tls, ..Default::default() };
    let Some(server) = available(Nats::start(options(Tls::Server)).await) else { return };
    asks_for_nothing(&server, NATS).await;
    let Some(server) = available(Nats::start(options(Tls::Mutual)).await) else { return };
    asks_for_papers(&server, NATS);
    assert!(server.url().starts_with("tls://localhost:"), "certificates are for this name");
}

#[tokio::test]
async fn redis_speaks_tls() {
    let options = |tls| RedisOptions { tls, ..Default::default() };
    let Some(server) = available(Redis::start(options(Tls::Server)).await) else { return };
    asks_for_nothing(&server, REDIS).await;
    let Some(server) = available(Redis::start(options(Tls::Mutual)).await) else { return };
    asks_for_papers(&server, REDIS);
    assert!(server.url().starts_with("rediss://localhost:"), "certificates are for this name");
}

#[tokio::test]
async fn rabbitmq_speaks_tls() {
    let options = |tls| RabbitOptions { tls, ..Default::default() };
    let Some(server) = available(Rabbit::start(options(Tls::Server)).await) else { return };
    asks_for_nothing(&server, RABBIT).await;
    let Some(server) = available(Rabbit::start(options(Tls::Mutual)).await) else { return };
    asks_for_papers(&server, RABBIT);
    assert!(server.url().starts_with("amqps://localhost:"), "certificates are for this name");
}

#[tokio::test]
async fn kafka_speaks_tls() {
    let options = KafkaOptions { tls: Tls::Mutual, ..Default::default() };
    let Some(server) = available(Kafka::start(options).await) else { return };
    asks_for_papers(&server, KAFKA);
    assert!(server.url().starts_with("kafka+tls://localhost:"), "certificates are for this name");
}
