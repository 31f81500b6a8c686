//! Bodies that pass through as they come, in both directions, from a client at the edge to a service behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt as _;
use sidegate::body::Body;
use sidegate::call::{Pool, headers};
use sidegate::ingress::{BodyFault, stream_body};
use sidegate::respond::{Code, Problem};
use sidegate_config::settings::Authority;

use crate::support::{Edge, Service, ask, get, later, limits, pool_limits, soon, text, until};

/// An edge that passes everything on.
fn proxy(authority: &Authority, body_idle_timeout: Duration) -> Edge {
    let (pool, authority) = (Arc::new(Pool::new(pool_limits())), authority.clone());
    Edge::start(&limits(), move |request, peer| {
        let (pool, authority) = (Arc::clone(&pool), authority.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = match stream_body(body, None, body_idle_timeout) {
                Ok(body) => body,
                Err(problem) => return problem.into_response(),
            };
            let mut outgoing = http::Request::new(body);
            *outgoing.method_mut() = head.method;
            *outgoing.uri_mut() = head.uri;
            *outgoing.headers_mut() = headers::forwarded(&head.headers, &peer);
            match pool.request(&authority, outgoing, later()).await {
                Ok(answer) => {
                    let (mut head, body) = answer.into_parts();
                    headers::strip_hop_by_hop(&mut head.headers);
                    Response::from_parts(head, Body::stream(body))
                }
                Err(error) => BodyFault::cause_of(&error)
                    .cloned()
                    .unwrap_or_else(|| Problem::new(Code::ServiceUnreachable, error.to_string()))
                    .into_response(),
            }
        }
    })
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_slow_answer_passes_through_piece_by_piece() {
    let (next, turns) = tokio::sync::mpsc::channel::<()>(1);
    let turns = Arc::new(tokio::sync::Mutex::new(turns));
    let service = Service::start(move |mut connection| {
        let turns = Arc::clone(&turns);
        async move {
            connection.request().await;
            connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            for n in 0..3 {
                turns.lock().await.recv().await.expect("the test goes on");
                connection.write(&format!("1\r\n{n}\r\n")).await;
            }
            connection.write("0\r\n\r\n").await;
            connection.closed().await;
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    let mut body = ask(&pool, &service.authority, get("/")).await.expect("the head comes first").into_body();
    for n in 0..3 {
        next.send(()).await.expect("the service waits");
        let piece = soon("a piece", body.frame()).await.expect("a piece").expect("a piece").into_data();
        assert_eq!(piece.expect("data"), n.to_string(), "it is here before the next one exists");
    }
    assert!(soon("the end", body.frame()).await.is_none());
}

#[tokio::test]
async fn a_body_on_its_way_to_the_service_does_not_wait_for_its_end() {
    let service = Service::start(|mut connection| async move {
        let head = connection.head().await.expect("the head comes before the body");
        assert!(head.contains("transfer-encoding: chunked"), "its length is not known: {head}");
        let mut seen = String::new();
        while !seen.ends_with("0\r\n\r\n") {
            seen += &connection.more().await.expect("more of it");
        }
        connection.answer(&seen).await;
        connection.closed().await;
    })
    .await;
    let edge = proxy(&service.authority, LONG);
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    until("the request at the service", || service.requests() == 1).await;
    client.send("5\r\nworld\r\n0\r\n\r\n").await;
    let seen = client.answer().await.body;
    assert!(seen.contains("hello") && seen.contains("world"), "all of it came through: {seen:?}");
}

#[tokio::test]
async fn a_reader_that_stands_still_holds_the_service_back_instead_of_filling_memory() {
    const PIECES: usize = 1000;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let service = Service::start(move |mut connection| {
        let count = Arc::clone(&count);
        async move {
            connection.request().await;
            connection
                .write(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", PIECES * 0x10000))
                .await;
            let piece = "x".repeat(0x10000);
            for _ in 0..PIECES {
                connection.write_patiently(&piece).await;
                count.fetch_add(1, Ordering::SeqCst);
            }
            connection.closed().await;
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    let answer = ask(&pool, &service.authority, get("/")).await.expect("an answer");
    let (mut before, mut looks) = (usize::MAX, 0);
    until("the service standing still", || {
        let now = written.load(Ordering::SeqCst);
        looks = if now == before { looks + 1 } else { 0 };
        before = now;
        looks == 100
    })
    .await;
    let held_back = written.load(Ordering::SeqCst);
    assert!(held_back < PIECES / 2, "{held_back} pieces of 64 KiB are on their way, unread");
    let body = soon("the rest", answer.into_body().collect_bounded(PIECES * 0x10000, later())).await;
    assert_eq!(body.expect("the whole body").len(), PIECES * 0x10000, "and nothing is lost");
}

#[tokio::test]
async fn a_client_that_breaks_off_its_upload_is_told_why_and_the_service_sees_no_end() {
    let (told, mut tells) = tokio::sync::mpsc::channel(1);
    let service = Service::start(move |mut connection| {
        let told = told.clone();
        async move {
            connection.head().await;
            let mut seen = String::new();
            while let Some(more) = connection.more().await {
                seen += &more;
            }
            told.send(seen).await.expect("the test waits");
        }
    })
    .await;
    let edge = proxy(&service.authority, Duration::from_millis(100));
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"));
    let seen = soon("the service noticing", tells.recv()).await.expect("it tells");
    assert!(!seen.ends_with("0\r\n\r\n"), "half a body is not passed off as a whole one: {seen:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_at_the_client_too() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    })
    .await;
    let edge = proxy(&service.authority, LONG);
    let mut client = edge.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.next_answer().await, None, "half an answer is not passed off as a whole one");
}

#[tokio::test]
async fn the_answer_to_head_keeps_its_length_and_the_connection_its_place() {
    let service = Service::start(|mut connection| async move {
        while let Some((head, _)) = connection.request().await {
            assert!(head.starts_with("HEAD "), "{head}");
            connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n").await;
        }
    })
    .await;
    let edge = proxy(&service.authority, LONG);
    let mut client = edge.client().await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.head().await;
        assert!(head.contains("content-length: 1234\r\n"), "{head}");
    }
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn a_service_that_answers_early_is_heard_while_the_client_still_sends() {
    let service = Service::start(|mut connection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
        connection.closed().await;
    })
    .await;
    let edge = proxy(&service.authority, LONG);
    let mut client = edge.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "no"));
}

#[tokio::test]
async fn a_connection_whose_request_is_still_on_its_way_is_not_used_again() {
    let service = Service::start(|mut connection| async move {
        let head = connection.head().await.expect("a request");
        connection.answer(if head.starts_with("POST") { "early" } else { "ok" }).await;
        connection.closed().await;
    })
    .await;
    let pool = Pool::new(pool_limits());
    let endless = Body::stream(http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<http_body::Frame<bytes::Bytes>, std::convert::Infallible>,
    >()));
    let early = ask(&pool, &service.authority, crate::support::request("POST", "/", endless)).await;
    assert_eq!(text(early.expect("an answer")).await, "early");
    let next = soon("a connection of its own", ask(&pool, &service.authority, get("/"))).await;
    assert_eq!(text(next.expect("an answer")).await, "ok");
    assert_eq!(service.connections(), 2);
}
