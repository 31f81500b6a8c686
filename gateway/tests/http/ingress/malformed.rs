//! What is not HTTP, and what tries to be two requests at once: a clear refusal, or exactly one request.

use http::Response;
use sidegate::body::Body;
use sidegate::ingress::read_body;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{Edge, limits};

/// Counts the requests that reach it, and reads their bodies.
fn counting() -> (Edge, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let edge = Edge::start(&limits(), move |request, _| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            let long = Duration::from_secs(60);
            match read_body(request.into_body(), 1000, long, long).await {
                Ok(_) => Response::new(Body::from("read")),
                Err(problem) => problem.into_response(),
            }
        }
    });
    (edge, seen)
}

#[tokio::test]
async fn what_is_not_a_request_is_refused_with_a_reason_and_reaches_nobody() {
    let cases: &[(&str, &[u8])] = &[
        ("noise", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n"),
        ("no path", b"GET\r\n\r\n"),
        ("no version", b"GET /\r\n\r\n"),
        ("a version of the future", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        ("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("a method with a space", b"GE T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a path with a control character", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a header without a colon", b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
        ("a header without a name", b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
        ("a space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a folded header", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"),
        ("a zero byte in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x00c\r\n\r\n"),
        ("a carriage return in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n"),
        ("no host", b"GET / HTTP/1.1\r\n\r\n"),
        ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ];
    for (what, request) in cases {
        let (edge, seen) = counting();
        let mut client = edge.client().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{what}");
        assert_eq!(seen.load(Ordering::SeqCst), 0, "{what} reaches no handler");
    }
}

#[tokio::test]
async fn a_refusal_after_a_good_request_does_not_garble_its_answer() {
    let (edge, _) = counting();
    let mut client = edge.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "read");
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"));
    client.closed().await;
    assert_eq!(edge.counters.refused(), 1);
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let (edge, _) = counting();
    let mut client = edge.client().await;
    client.send("nonsense\r\n\r\n").await;
    for _ in 0..64 {
        // Were the connection closed under it, sending would fail, and on some systems the answer be lost.
        client.send("x".repeat(0x10000)).await;
    }
    assert_eq!(client.answer().await.code(), "bad_request");
}

#[tokio::test]
async fn a_client_that_goes_away_mid_head_is_nobodys_problem() {
    let (edge, seen) = counting();
    let mut client = edge.client().await;
    client.send("GET / HT").await;
    drop(client);
    crate::support::until("the end of the connection", || {
        edge.counters.accepted() == 1 && edge.counters.open() == 0
    })
    .await;
    assert_eq!((seen.load(Ordering::SeqCst), edge.counters.refused()), (0, 0));
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn ambiguous_lengths_are_refused_before_anybody_acts_on_them() {
    for framing in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 6",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding: \x0bchunked",
    ] {
        let (edge, seen) = counting();
        let mut client = edge.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n0\r\n\r\n{SMUGGLED}")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{framing:?}");
        client.closed().await;
        assert_eq!(seen.load(Ordering::SeqCst), 0, "{framing:?} reaches no handler");
    }
    let (edge, seen) = counting();
    let mut client = edge.client().await;
    client.send(format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}")).await;
    assert_eq!(client.answer().await.status, 400, "HTTP/1.0 knows no chunks");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn two_ways_of_framing_one_body_are_one_request_and_the_end_of_the_connection() {
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: CHUNKED",
    ] {
        let (edge, seen) = counting();
        let mut client = edge.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n0\r\n\r\n{SMUGGLED}")).await;
        assert_eq!(client.answer().await.body, "read");
        client.closed().await;
        assert_eq!(seen.load(Ordering::SeqCst), 1, "{framing:?}: what follows is not a request");
    }
}

#[tokio::test]
async fn the_same_length_twice_is_one_length() {
    let (edge, seen) = counting();
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody").await;
    assert_eq!(client.answer().await.body, "read");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}
