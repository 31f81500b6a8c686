//! What well-behaved clients do.

use http::Response;
use sidegate::body::Body;
use sidegate::ingress::{Peer, read_body};
use std::time::Duration;

use crate::support::{Edge, limits};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let edge = Edge::hello(&limits());
    let mut client = edge.client().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
        assert!(!answer.closes(), "the connection stays");
        assert!(answer.header("date").is_some(), "RFC 9110 asks an origin with a clock for a date");
    }
    assert_eq!(edge.counters.accepted(), 1, "all of them came over one connection");
    assert_eq!(edge.counters.open(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let edge = Edge::start(&limits(), |request, _| async move {
        // The first would come last if they were not kept in order.
        let millis = if request.uri().path() == "/0" { 20 } else { 0 };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Response::new(Body::from(request.uri().path().to_owned()))
    });
    let mut client = edge.client().await;
    client.send((0..5).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect::<String>()).await;
    for n in 0..5 {
        assert_eq!(client.answer().await.body, format!("/{n}"));
    }
}

#[tokio::test]
async fn an_http_1_0_client_is_answered_and_the_connection_closed() {
    let edge = Edge::hello(&limits());
    let mut client = edge.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(answer.head.starts_with("http/1.0 200"), "in its own version: {}", answer.head);
    assert_eq!(answer.body, "hello");
    client.closed().await;
}

#[tokio::test]
async fn an_http_1_0_client_can_ask_for_the_connection_to_stay() {
    let edge = Edge::hello(&limits());
    let mut client = edge.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(client.answer().await.header("connection"), Some("keep-alive"));
    }
}

#[tokio::test]
async fn a_client_that_expects_a_go_ahead_gets_it_when_the_body_is_wanted() {
    let edge = Edge::start(&limits(), |request, _| async move {
        match read_body(request.into_body(), 100, LONG, LONG).await {
            Ok(body) => Response::new(Body::from(body)),
            Err(problem) => problem.into_response(),
        }
    });
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 100, "nothing is sent before the go-ahead");
    client.send("body").await;
    assert_eq!(client.answer().await.body, "body");

    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large"),
        "no go-ahead for what is refused"
    );
    assert!(answer.closes(), "the body may be on its way all the same");
}

#[tokio::test]
async fn the_handler_learns_who_asks() {
    let edge = Edge::start(&limits(), |_, peer| async move {
        let Peer::Tcp(address) = peer else { panic!("this came over TCP") };
        Response::new(Body::from(address.ip().to_string()))
    });
    let mut client = edge.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "127.0.0.1");
}

#[tokio::test]
async fn a_panic_is_answered_and_hurts_nobody_else() {
    let edge = Edge::start(&limits(), |request, _| async move {
        assert_ne!(request.uri().path(), "/panic", "asked for");
        Response::new(Body::from("hello"))
    });
    let mut client = edge.client().await;
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert_eq!(edge.counters.panics(), 1);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "hello", "not even this connection is hurt");
}
