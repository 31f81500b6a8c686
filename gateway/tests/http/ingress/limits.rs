//! What clients that are slow, silent, greedy or many get.

use http::Response;
use sidegate::body::Body;
use sidegate::ingress::Timeout;
use sidegate_config::settings::Limits;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

use crate::support::{Edge, limits, soon, until};

const SHORT: Duration = Duration::from_millis(100);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_is_let_go() {
    let edge = Edge::hello(&Limits { first_byte_timeout: SHORT, ..limits() });
    let began = Instant::now();
    edge.client().await.closed().await;
    assert!(began.elapsed() >= SHORT, "not before its time");
    assert_eq!(edge.counters.timed_out(Timeout::FirstByte), 1);
    until("the end of the connection", || edge.counters.open() == 0).await;
}

#[tokio::test]
async fn headers_that_trickle_in_are_cut_off_however_busy_they_look() {
    let edge = Edge::hello(&Limits { header_timeout: SHORT, ..limits() });
    let mut client = edge.client().await;
    client.send("GET / HTTP/1.1\r\n").await;
    let mut trickle = tokio::time::interval(SHORT / 10);
    let answer = loop {
        tokio::select! {
            answer = client.answer() => break answer,
            _ = trickle.tick() => {}
        }
        client.send_as_much_as_is_taken(b"X-A: b\r\n", 1).await;
    };
    assert_eq!((answer.status, answer.code().as_str()), (408, "header_timeout"));
    assert!(answer.closes());
    client.closed().await;
    assert_eq!(edge.counters.timed_out(Timeout::Header), 1);
}

#[tokio::test]
async fn a_second_request_that_trickles_in_is_cut_off_too() {
    let edge = Edge::hello(&Limits { header_timeout: SHORT, ..limits() });
    let mut client = edge.client().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET / HT").await;
    assert_eq!(client.answer().await.code(), "header_timeout");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_but_never_one_with_a_request() {
    let edge =
        Edge::start(&Limits { idle_timeout: SHORT, first_byte_timeout: SHORT, ..limits() }, |_, _| async {
            tokio::time::sleep(SHORT * 3).await;
            Response::new(Body::from("late"))
        });
    let mut client = edge.client().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.body, "late", "however long the handler takes");
    let began = Instant::now();
    client.closed().await;
    assert!(began.elapsed() >= SHORT / 2, "there was time for a further request");
    assert_eq!(edge.counters.timed_out(Timeout::Idle), 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_let_go() {
    let edge = Edge::start(&Limits { idle_timeout: SHORT, ..limits() }, |_, _| async {
        Response::new(Body::from(vec![b'x'; 64 * 1024 * 1024]))
    });
    let mut client = edge.client().await;
    client.send(GET).await;
    until("giving up", || edge.counters.timed_out(Timeout::Write) == 1).await;
    until("the end of the connection", || edge.counters.open() == 0).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_are_served_when_there_is_room() {
    let edge = Edge::hello(&Limits { connections_max: 2, ..limits() });
    let mut first = edge.client().await;
    let mut second = edge.client().await;
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    }
    let mut third = edge.client().await;
    third.send(GET).await;
    let waits = tokio::time::timeout(SHORT, third.next_answer()).await;
    assert!(waits.is_err(), "there is no room yet: {waits:?}");
    assert_eq!(edge.counters.open(), 2, "it is not even accepted");
    drop(first);
    assert_eq!(third.answer().await.body, "hello", "and nothing it sent is lost");
    assert_eq!(edge.counters.accepted(), 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_is_noticed_while_the_handler_works() {
    let gone = Arc::new(Semaphore::new(0));
    struct Tell(Arc<Semaphore>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let tell = Arc::clone(&gone);
    let edge = Edge::start(&limits(), move |_, _| {
        let tell = Tell(Arc::clone(&tell));
        async move {
            let _tell = tell;
            std::future::pending().await
        }
    });
    let mut client = edge.client().await;
    client.send(GET).await;
    until("the connection", || edge.counters.open() == 1).await;
    drop(client);
    let _noticed = soon("noticing", gone.acquire()).await.expect("it is open");
    until("the end of the connection", || edge.counters.open() == 0).await;
}

#[tokio::test]
async fn headers_beyond_their_size_or_number_are_refused_with_a_reason() {
    let edge = Edge::hello(&Limits { head_bytes_max: 16 * 1024, headers_max: 20, ..limits() });
    let too_large = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "a".repeat(16 * 1024));
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "a".repeat(300 * 1024));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70 * 1024));
    let some_too_many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(20));
    let far_too_many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(1000));
    for request in [too_large, endless, long_path, some_too_many, far_too_many] {
        let mut client = edge.client().await;
        client.send(&request).await;
        let answer = client.answer().await;
        let what = &request[..40];
        assert_eq!((answer.status, answer.code().as_str()), (431, "headers_too_large"), "{what}");
    }
    let just_right = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(19));
    let mut client = edge.client().await;
    client.send(just_right).await;
    assert_eq!(client.answer().await.status, 200, "exactly the limit is fine");
}

#[tokio::test]
async fn more_headers_than_usual_can_be_allowed() {
    let edge = Edge::hello(&Limits { headers_max: 500, ..limits() });
    let mut client = edge.client().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(499))).await;
    assert_eq!(client.answer().await.status, 200);
}
