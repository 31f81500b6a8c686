//! Which connections are used again, which are not, and what may be sent twice.

use std::time::Duration;

use http_body_util::BodyExt as _;
use sidegate::body::Body;
use sidegate::call::{CallErrorKind, Pool, PoolLimits, Sent};
use sidegate_config::settings::Authority;
use tokio::time::Instant;

use crate::support::{Service, ask, get, pool_limits, request, soon, text};

/// Longer than a connection is taken for surely alive.
const STALE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn one_connection_serves_call_after_call() {
    let service = Service::ok().await;
    let pool = Pool::new(pool_limits());
    for _ in 0..20 {
        assert_eq!(text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await, "ok");
    }
    assert_eq!((service.connections(), service.requests()), (1, 20));
}

#[tokio::test]
async fn an_answer_without_a_body_gives_its_connection_back_at_once() {
    let service = Service::start(|mut connection| async move {
        while connection.request().await.is_some() {
            connection.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let pool = Pool::new(PoolLimits { connections_max: 1, ..pool_limits() });
    let _unread =
        [ask(&pool, &service.authority, get("/")).await, ask(&pool, &service.authority, get("/")).await];
    assert_eq!((service.connections(), service.requests()), (1, 2), "nobody has to read what is not there");
}

#[tokio::test]
async fn a_connection_that_the_service_announced_to_close_is_not_used_again() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let pool = Pool::new(pool_limits());
    for _ in 0..5 {
        assert_eq!(
            text(ask(&pool, &service.authority, request("POST", "/", "x")).await.expect("an answer")).await,
            "ok"
        );
    }
    assert_eq!((service.connections(), service.requests()), (5, 5));
}

/// On a thread of its own: answers once, and closes the connection when it was idle for [`STALE`], as services do.
fn closes_when_idle() -> (Authority, std::sync::mpsc::Receiver<()>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (closed, is_closed) = std::sync::mpsc::sync_channel(10);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]).expect("a request");
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").expect("it listens");
            std::thread::sleep(STALE);
            drop(stream);
            closed.send(()).expect("the test waits");
        }
    });
    (Authority { host: "127.0.0.1".into(), port, unix: false }, is_closed)
}

#[tokio::test]
async fn a_connection_closed_between_calls_is_replaced_unnoticed() {
    let (authority, is_closed) = closes_when_idle();
    let pool = Pool::new(pool_limits());
    for _ in 0..3 {
        let answer = ask(&pool, &authority, request("POST", "/", "x")).await.expect("a fresh connection");
        assert_eq!(text(answer).await, "ok");
        // Blocks the whole runtime: it has not looked at its sockets when the next call begins, which is the moment
        // in which a request is lost if nobody looks.
        is_closed.recv().expect("it tells");
    }
}

/// Answers once on each connection; takes a second request and closes without an answer.
async fn closes_on_the_second_request() -> Service {
    Service::start(|mut connection| async move {
        connection.request().await;
        connection.answer("ok").await;
        connection.request().await;
    })
    .await
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_repeated_if_repeating_may_do_harm() {
    let service = closes_on_the_second_request().await;
    let pool = Pool::new(pool_limits());
    text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await;
    tokio::time::sleep(STALE).await;
    let error = ask(&pool, &service.authority, request("POST", "/", "x")).await.expect_err("no answer");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Closed, Sent::Maybe));
    assert_eq!(service.requests(), 2, "the service has seen it, once");
}

#[tokio::test]
async fn what_may_have_been_sent_is_repeated_once_if_repeating_does_no_harm() {
    let service = closes_on_the_second_request().await;
    let pool = Pool::new(pool_limits());
    text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await;
    tokio::time::sleep(STALE).await;
    let answer =
        ask(&pool, &service.authority, request("PUT", "/", "x")).await.expect("the repeat is answered");
    assert_eq!(text(answer).await, "ok");
    assert_eq!((service.connections(), service.requests()), (2, 3));
}

#[tokio::test]
async fn what_is_read_from_elsewhere_is_never_repeated() {
    let service = closes_on_the_second_request().await;
    let pool = Pool::new(pool_limits());
    text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await;
    tokio::time::sleep(STALE).await;
    let streamed = Body::stream(http_body_util::Full::new(bytes::Bytes::from_static(b"x")));
    let error = ask(&pool, &service.authority, request("PUT", "/", streamed)).await.expect_err("no answer");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Closed, Sent::Maybe));
    assert_eq!(service.requests(), 2, "its body is gone");
}

#[tokio::test]
async fn an_answer_that_is_not_read_to_its_end_costs_its_connection() {
    let service = Service::start(|mut connection| async move {
        while connection.request().await.is_some() {
            if connection.number == 0 {
                connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbeginning").await;
            } else {
                connection.answer("ok").await;
            }
        }
    })
    .await;
    let pool = Pool::new(PoolLimits { connections_max: 1, ..pool_limits() });
    let mut body = ask(&pool, &service.authority, get("/")).await.expect("an answer").into_body();
    let piece =
        soon("a piece", body.frame()).await.expect("a piece").expect("a piece").into_data().expect("data");
    assert_eq!(piece, "beginning");
    let soon_over = Instant::now() + STALE;
    let error =
        pool.request(&service.authority, get("/"), soon_over).await.expect_err("the connection is in use");
    assert_eq!(error.kind, CallErrorKind::Busy, "half an answer is no end: {error}");
    drop(body);
    let answer =
        soon("room for the next", ask(&pool, &service.authority, get("/"))).await.expect("an answer");
    assert_eq!(text(answer).await, "ok", "the rest of the first answer is not taken for the second");
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn a_dropped_answer_closes_its_connection() {
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    let service = Service::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
            connection.closed().await;
            closed.send(()).await.expect("the test waits");
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    drop(ask(&pool, &service.authority, get("/")).await.expect("an answer"));
    soon("the service noticing", is_closed.recv()).await.expect("it tells");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    let service = Service::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.answer("ok").await;
            connection.closed().await;
            closed.send(()).await.expect("the test waits");
        }
    })
    .await;
    let pool = Pool::new(PoolLimits { idle_timeout: Duration::from_millis(50), ..pool_limits() });
    text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await;
    soon("the service noticing", is_closed.recv()).await.expect("although nobody asks again");
}

#[tokio::test]
async fn a_pool_that_is_gone_leaves_no_connections() {
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    let service = Service::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.answer("ok").await;
            connection.closed().await;
            closed.send(()).await.expect("the test waits");
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    text(ask(&pool, &service.authority, get("/")).await.expect("an answer")).await;
    drop(pool);
    soon("the service noticing", is_closed.recv()).await.expect("it tells");
}
