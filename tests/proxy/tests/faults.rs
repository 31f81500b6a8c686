//! Each fault of the proxy does what it says, between a client and a server that echoes.
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sidegate_fault_proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

/// What must come comes within this.
const DEADLINE: Duration = Duration::from_secs(10);
/// What has not come after this does not come.
const SILENCE: Duration = Duration::from_millis(200);

/// A server that gives back what it hears, and counts it.
struct Echo {
    address: SocketAddr,
    heard_bytes: Arc<AtomicUsize>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard_bytes = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&heard_bytes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(echo(client, Arc::clone(&heard)));
            }
        });
        Self { address, heard_bytes }
    }

    async fn hears(&self, bytes: usize) {
        eventually("the server hears", || self.heard_bytes.load(Ordering::Relaxed) >= bytes).await;
    }
}

async fn echo(mut client: TcpStream, heard: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    while let Ok(bytes @ 1..) = client.read(&mut buffer).await {
        heard.fetch_add(bytes, Ordering::Relaxed);
        if client.write_all(&buffer[..bytes]).await.is_err() {
            break;
        }
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}, within {DEADLINE:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.expect("the proxy listens")
}

/// Says a word and hears it back.
async fn talk(client: &mut TcpStream, word: &[u8]) {
    client.write_all(word).await.expect("the connection takes it");
    hear(client, word).await;
}

async fn hear(client: &mut TcpStream, word: &[u8]) {
    let mut answer = vec![0; word.len()];
    let read = timeout(DEADLINE, client.read_exact(&mut answer)).await.expect("an answer in time");
    read.expect("an answer");
    assert_eq!(answer, word, "bytes arrive as they were sent, in order");
}

async fn hears_nothing(client: &mut TcpStream) {
    let read = timeout(SILENCE, client.read_u8()).await;
    assert!(read.is_err(), "neither a byte nor an end arrives: {read:?}");
}

async fn is_reset(client: &mut TcpStream) {
    let read = timeout(DEADLINE, client.read_u8()).await.expect("the connection ends in time");
    assert_eq!(
        read.map_err(|error| error.kind()),
        Err(ErrorKind::ConnectionReset),
        "the connection is reset"
    );
}

#[tokio::test]
async fn without_a_fault_bytes_pass_in_both_directions() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"hello").await;

    let (mut reader, mut writer) = client.into_split();
    let much: Vec<u8> =
        (0..4_000_000_u32).map(|index| index.to_le_bytes()[0] ^ index.to_le_bytes()[1]).collect();
    let sent = much.clone();
    let writing = tokio::spawn(async move {
        writer.write_all(&sent).await.expect("all is taken");
        writer.shutdown().await.expect("the end is told");
    });
    let mut all = Vec::new();
    timeout(DEADLINE, reader.read_to_end(&mut all)).await.expect("in time").expect("to the end");
    assert!(all == much, "megabytes pass unchanged, and the end of one side ends the other");
    writing.await.expect("the writer is done");
    eventually("closed connections are gone", || proxy.open_connections() == 0).await;
}

#[tokio::test]
async fn connections_are_counted() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let (mut first, mut second) = (connect(&proxy).await, connect(&proxy).await);
    talk(&mut first, b"a").await;
    talk(&mut second, b"b").await;
    assert_eq!((proxy.connections(), proxy.open_connections()), (2, 2), "both were made and are open");
    drop(first);
    eventually("one is left", || proxy.open_connections() == 1).await;
    assert_eq!(proxy.connections(), 2, "those that ended still count as made");
}

#[tokio::test]
async fn a_cut_resets_every_connection_and_the_next_one_works() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let (mut first, mut second) = (connect(&proxy).await, connect(&proxy).await);
    talk(&mut first, b"a").await;
    talk(&mut second, b"b").await;
    proxy.cut().await;
    assert_eq!(proxy.open_connections(), 0, "all are closed when the cut is made");
    is_reset(&mut first).await;
    is_reset(&mut second).await;
    talk(&mut connect(&proxy).await, b"again").await;
}

#[tokio::test]
async fn who_connects_to_a_refusing_proxy_is_refused() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut before = connect(&proxy).await;
    talk(&mut before, b"before").await;
    proxy.refuse(true).await;
    proxy.refuse(true).await;
    let refused = TcpStream::connect(proxy.address()).await.map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused), "nobody listens");
    talk(&mut before, b"still here").await;
    proxy.refuse(false).await;
    talk(&mut connect(&proxy).await, b"again").await;
}

#[tokio::test]
async fn in_a_black_hole_nothing_arrives_until_it_is_over() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.black_hole(true);
    client.write_all(b"lost?").await.expect("the kernel takes it");
    hears_nothing(&mut client).await;
    assert_eq!(echo.heard_bytes.load(Ordering::Relaxed), b"before".len(), "the server hears nothing either");
    let mut late = connect(&proxy).await;
    late.write_all(b"late").await.expect("the kernel takes it");
    hears_nothing(&mut late).await;
    proxy.black_hole(false);
    hear(&mut client, b"lost?").await;
    hear(&mut late, b"late").await;
}

#[tokio::test]
async fn in_a_black_hole_nobody_learns_that_the_other_side_is_gone() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.black_hole(true);
    drop(client);
    sleep(SILENCE).await;
    assert_eq!(proxy.open_connections(), 1, "the server's side stays");
    proxy.black_hole(false);
    eventually("the end arrives", || proxy.open_connections() == 0).await;
}

#[tokio::test]
async fn a_black_hole_can_be_cut() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.black_hole(true);
    timeout(DEADLINE, proxy.cut()).await.expect("a cut does not wait for the black hole");
    is_reset(&mut client).await;
}

#[tokio::test]
async fn a_delay_holds_in_each_direction_and_does_not_add_up() {
    const EACH_WAY: Duration = Duration::from_millis(100);
    const WORDS: [u8; 20] = *b"one after the other.";
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    proxy.delay(EACH_WAY);
    let mut client = connect(&proxy).await;
    let start = Instant::now();
    for word in WORDS {
        client.write_all(&[word]).await.expect("it is taken");
        // Apart enough to be read one by one.
        sleep(Duration::from_millis(10)).await;
    }
    hear(&mut client, &WORDS).await;
    let took = start.elapsed();
    assert!(took >= EACH_WAY * 2, "a round trip takes both ways: {took:?}");
    assert!(took < EACH_WAY * 15, "what is sent together is delayed together: {took:?}");
}

#[tokio::test]
async fn swallowed_answers_were_asked_for_and_never_come() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.swallow_answers(true);
    client.write_all(b"done?").await.expect("it is taken");
    echo.hears(b"beforedone?".len()).await;
    hears_nothing(&mut client).await;
    eventually("the loss is counted", || proxy.answers_lost() > 0).await;
    proxy.swallow_answers(false);
    is_reset(&mut client).await;
    talk(&mut connect(&proxy).await, b"again").await;
}

#[tokio::test]
async fn a_connection_that_lost_nothing_survives_the_swallowing() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.swallow_answers(true);
    proxy.swallow_answers(false);
    talk(&mut client, b"after").await;
    assert_eq!(proxy.answers_lost(), 0, "there was nothing to swallow");
}

#[tokio::test]
async fn a_lost_answer_takes_its_connection_with_it() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    proxy.lose_answers(1.0);
    client.write_all(b"done?").await.expect("it is taken");
    is_reset(&mut client).await;
    assert_eq!(echo.heard_bytes.load(Ordering::Relaxed), b"beforedone?".len(), "it was done");
    assert_eq!(proxy.answers_lost(), 1, "and the answer is lost");
}

#[tokio::test]
async fn answers_are_lost_as_often_as_asked_for() {
    const TALKS: usize = 400;
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    proxy.lose_answers(0.25);
    let mut lost = 0;
    for _ in 0..TALKS {
        let mut client = connect(&proxy).await;
        client.write_all(b"?").await.expect("it is taken");
        let answer = timeout(DEADLINE, client.read_u8()).await.expect("an answer or an end");
        lost += usize::from(answer.is_err());
    }
    assert_eq!(proxy.answers_lost(), lost, "what clients miss is what was lost");
    // Beyond six standard deviations of 400 throws: a failure in five hundred million runs.
    assert!((48..=152).contains(&lost), "a quarter of {TALKS}, give or take: {lost}");
}

#[tokio::test]
async fn a_client_of_a_server_that_is_down_is_reset() {
    let nobody =
        TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address");
    let proxy = Proxy::to(nobody).await;
    is_reset(&mut connect(&proxy).await).await;
}

#[tokio::test]
async fn a_dropped_proxy_is_gone() {
    let echo = Echo::start().await;
    let proxy = Proxy::to(echo.address).await;
    let address = proxy.address();
    let mut client = connect(&proxy).await;
    talk(&mut client, b"before").await;
    drop(proxy);
    let read = timeout(DEADLINE, client.read(&mut [0])).await.expect("the connection ends in time");
    assert!(matches!(read, Ok(0) | Err(_)), "its connections are gone: {read:?}");
    let again = TcpStream::connect(address).await;
    assert!(again.is_err(), "and nobody listens: {again:?}");
}
