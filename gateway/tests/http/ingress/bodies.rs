//! Request bodies within their limits, and what happens to those beyond.

use http::Response;
use sidegate::body::Body;
use sidegate::ingress::{BodyFault, read_body, stream_body};
use std::time::Duration;

use crate::support::{Edge, limits};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);
const BYTES_MAX: usize = 1000;

/// Says how many bytes came.
fn counting(idle_timeout: Duration, total_timeout: Duration) -> Edge {
    Edge::start(&limits(), move |request, _| async move {
        match read_body(request.into_body(), BYTES_MAX, idle_timeout, total_timeout).await {
            Ok(body) => Response::new(Body::from(body.len().to_string())),
            Err(problem) => problem.into_response(),
        }
    })
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_however_it_comes() {
    let edge = counting(LONG, LONG);
    let mut client = edge.client().await;
    let body = "x".repeat(BYTES_MAX);
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES_MAX}\r\n\r\n{body}")).await;
    assert_eq!(client.answer().await.body, "1000");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..100 {
        client.send("a\r\n0123456789\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "1000");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "0", "no body is a body of no bytes");
}

#[tokio::test]
async fn what_is_announced_as_too_large_is_refused_before_it_is_sent() {
    let edge = counting(LONG, LONG);
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    assert!(answer.closes());
}

#[tokio::test]
async fn what_turns_out_too_large_is_refused_also_to_a_client_that_sends_it_all_before_it_reads() {
    let edge = counting(LONG, LONG);
    for length in ["Transfer-Encoding: chunked", "Content-Length: 104857600"] {
        let mut client = edge.client().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n")).await;
        for _ in 0..64 {
            // Were the connection closed under it, sending would fail, and on some systems the answer be lost.
            client.send(format!("10000\r\n{}\r\n", "x".repeat(0x10000))).await;
        }
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{length}");
        assert!(answer.closes(), "the rest is not read for the sake of the connection");
    }
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_given_up() {
    let edge = counting(SHORT, LONG);
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"));
    assert!(answer.closes());
}

#[tokio::test]
async fn a_body_that_never_pauses_must_come_to_an_end_too() {
    let edge = counting(LONG, SHORT);
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await;
    let mut trickle = tokio::time::interval(SHORT / 10);
    let answer = loop {
        tokio::select! {
            answer = client.answer() => break answer,
            _ = trickle.tick() => {}
        }
        client.send_as_much_as_is_taken(b"x", 1).await;
    };
    assert_eq!(answer.code(), "body_timeout");
}

#[tokio::test]
async fn a_body_with_broken_chunks_is_refused() {
    let edge = counting(LONG, LONG);
    for chunks in ["zz\r\n", "5\r\nhello!\r\n0\r\n\r\n", "fffffffffffffffff\r\n", "-1\r\n"] {
        let mut client = edge.client().await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{chunks:?}");
        client.closed().await;
    }
}

#[tokio::test]
async fn a_body_that_is_passed_on_keeps_its_limits() {
    let edge = Edge::start(&limits(), |request, _| async move {
        use http_body_util::BodyExt as _;
        let body = match stream_body(request.into_body(), Some(BYTES_MAX), SHORT) {
            Ok(body) => body,
            Err(problem) => return problem.into_response(),
        };
        match body.collect().await {
            Ok(body) => Response::new(Body::from(body.to_bytes().len().to_string())),
            Err(error) => BodyFault::cause_of(&*error).expect("the reason").clone().into_response(),
        }
    });
    let post = |rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}");
    for (request, code) in [
        (post("Content-Length: 1001\r\n\r\n"), "body_too_large"),
        (
            post(&format!("Transfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n", "x".repeat(1001))),
            "body_too_large",
        ),
        (post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "body_timeout"),
        (post("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "bad_request"),
    ] {
        let mut client = edge.client().await;
        client.send(&request).await;
        assert_eq!(client.answer().await.code(), code, "{}", &request[..60]);
    }
    let mut client = edge.client().await;
    client.send(post("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")).await;
    assert_eq!(client.answer().await.body, "5");
}
