//! Stopping: nobody is cut off, nobody new is taken, and it comes to an end.

use http::Response;
use sidegate::body::Body;
use sidegate_config::settings::Limits;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

use crate::support::{Edge, limits, soon, until};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Holds each request until a permit is given.
fn holding(limits: &Limits) -> (Edge, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let edge = Edge::start(limits, move |_, _| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.expect("it is open").forget();
            Response::new(Body::from("held"))
        }
    });
    (edge, gate)
}

#[tokio::test]
async fn a_request_under_way_gets_its_answer_and_the_connection_ends() {
    let (edge, gate) = holding(&limits());
    let mut client = edge.client().await;
    client.send(GET).await;
    until("the connection", || edge.counters.open() == 1).await;
    edge.drain.start();
    assert!(!edge.drain.finished(tokio::time::Instant::now()).await, "somebody is still waited for");
    gate.add_permits(1);
    let answer = client.answer().await;
    assert_eq!(answer.body, "held");
    assert!(answer.closes(), "the client learns that this was the last one: {}", answer.head);
    client.closed().await;
    edge.finished().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_once() {
    let edge = Edge::hello(&limits());
    let mut client = edge.client().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.status, 200);
    edge.drain.start();
    client.closed().await;
    edge.finished().await;
}

#[tokio::test]
async fn who_connected_before_is_served_and_who_comes_after_is_turned_away() {
    let edge = Edge::hello(&limits());
    let mut silent = edge.client().await;
    let mut waiting = edge.client().await;
    waiting.send(GET).await;
    edge.drain.start();
    let answer = waiting.answer().await;
    assert_eq!(answer.body, "hello", "it had connected");
    let address = edge.address;
    soon("closing the listener", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    silent.closed().await;
    edge.finished().await;
}

#[tokio::test]
async fn who_waits_for_room_when_the_drain_starts_is_served_if_there_is_room_soon() {
    let (edge, gate) = holding(&Limits { connections_max: 1, ..limits() });
    let mut first = edge.client().await;
    first.send(GET).await;
    until("the first connection", || edge.counters.open() == 1).await;
    let mut second = edge.client().await;
    second.send(GET).await;
    edge.drain.start();
    gate.add_permits(2);
    assert_eq!(first.answer().await.body, "held");
    assert_eq!(second.answer().await.body, "held", "the system had accepted it on our behalf");
    edge.finished().await;
}

#[tokio::test]
async fn a_head_that_has_begun_is_waited_for_and_answered() {
    let edge = Edge::hello(&limits());
    let mut client = edge.client().await;
    client.send(GET).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET / HTTP/1.1\r\n").await;
    // The bytes must be with the edge, which nothing outside tells: a second connection comes after them.
    let mut other = edge.client().await;
    other.send(GET).await;
    assert_eq!(other.answer().await.status, 200);
    edge.drain.start();
    other.closed().await;
    client.send("Host: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.body, "hello");
    assert!(answer.closes());
    edge.finished().await;
}

#[tokio::test]
async fn a_handler_that_waits_hears_of_the_drain_and_can_answer() {
    let drain = Arc::new(std::sync::OnceLock::<sidegate::ingress::Drain>::new());
    let heard = Arc::clone(&drain);
    let edge = Edge::start(&limits(), move |_, _| {
        let drain = heard.get().expect("it is set before the first request").clone();
        async move {
            drain.started().await;
            Response::builder().status(202).body(Body::empty()).expect("a response")
        }
    });
    drain.set(edge.drain.clone()).expect("once");
    let mut client = edge.client().await;
    client.send(GET).await;
    until("the connection", || edge.counters.open() == 1).await;
    edge.drain.start();
    assert_eq!(client.answer().await.status, 202, "held callers are told where to ask, not cut off");
    edge.finished().await;
}

#[tokio::test]
async fn waiting_for_the_end_has_a_deadline() {
    let (edge, gate) = holding(&limits());
    let mut client = edge.client().await;
    client.send(GET).await;
    until("the connection", || edge.counters.open() == 1).await;
    edge.drain.start();
    let began = Instant::now();
    let patience = Duration::from_millis(200);
    assert!(!edge.drain.finished(tokio::time::Instant::now() + patience).await, "the handler still works");
    assert!(began.elapsed() >= patience);
    gate.add_permits(1);
    assert_eq!(client.answer().await.body, "held", "and nobody cut it off meanwhile");
}
