//! One call: what the service sees, and what the caller learns when there is no answer.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, StatusCode, Version};
use sidegate::body::Body;
use sidegate::call::{CallErrorKind, Pool, PoolLimits, Sent};
use sidegate_config::settings::Authority;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::Instant;

use crate::support::{Service, ask, get, later, pool_limits, request, soon, text};

const SHORT: Duration = Duration::from_millis(100);

/// Answers each request with its own head and body.
async fn mirror() -> Service {
    Service::start(|mut connection| async move {
        while let Some((head, body)) = connection.request().await {
            connection.answer(&format!("{head}{body}")).await;
        }
    })
    .await
}

#[tokio::test]
async fn the_service_sees_the_request_with_its_own_name_and_one_length() {
    let service = mirror().await;
    let mut request = request("POST", "/orders?a=b", "body");
    *request.version_mut() = Version::HTTP_10;
    request.headers_mut().insert(HOST, HeaderValue::from_static("the.edge"));
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("999"));
    let seen =
        text(ask(&Pool::new(pool_limits()), &service.authority, request).await.expect("an answer")).await;
    let port = service.authority.port;
    assert!(seen.starts_with("POST /orders?a=b HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("host: 127.0.0.1:{port}\r\n")), "not the edge's name: {seen}");
    assert!(seen.contains("content-length: 4\r\n"), "what is true, not what was claimed: {seen}");
    assert!(seen.ends_with("\r\n\r\nbody"), "{seen}");
}

#[tokio::test]
async fn a_request_without_a_body_says_so_where_a_service_would_wonder() {
    let service = mirror().await;
    let pool = Pool::new(pool_limits());
    for (method, says_length) in
        [("POST", true), ("PUT", true), ("PATCH", true), ("GET", false), ("DELETE", false)]
    {
        let answer =
            ask(&pool, &service.authority, request(method, "/", Body::empty())).await.expect("an answer");
        assert_eq!(text(answer).await.contains("content-length: 0"), says_length, "{method}");
    }
}

#[tokio::test]
async fn an_absolute_target_becomes_the_path_alone() {
    let service = mirror().await;
    let answer = ask(&Pool::new(pool_limits()), &service.authority, get("http://elsewhere/path?q=1")).await;
    assert!(
        text(answer.expect("an answer")).await.starts_with("GET /path?q=1 HTTP/1.1\r\n"),
        "RFC 9112, section 3.2.1"
    );
}

#[tokio::test]
async fn a_service_on_a_unix_socket_is_asked_like_any_other() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("service.sock");
    let listener = UnixListener::bind(&path).expect("a free path");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 1024];
        let bytes = stream.read(&mut head).await.expect("a request");
        assert!(
            String::from_utf8_lossy(&head[..bytes]).contains("host: localhost\r\n"),
            "a path is not a host"
        );
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlocal").await.expect("it listens");
    });
    let authority = Authority { host: path.to_str().expect("text").into(), port: 0, unix: true };
    let answer = ask(&Pool::new(pool_limits()), &authority, get("/")).await.expect("an answer");
    assert_eq!(text(answer).await, "local");
}

#[tokio::test]
async fn a_service_that_is_not_there_has_certainly_not_got_the_request() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let authority = Authority { host: "127.0.0.1".into(), port, unix: false };
    let error = ask(&Pool::new(pool_limits()), &authority, get("/")).await.expect_err("nobody listens");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Connect, Sent::No));
    assert!(error.to_string().starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")), "{error}");
}

#[tokio::test]
async fn an_attempt_to_connect_has_a_limit_of_its_own() {
    // A listener that never accepts, and whose backlog is full: the system drops further attempts.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    socket.listen(0).expect("it is bound");
    let address = socket.local_addr().expect("it is bound").as_socket().expect("TCP");
    let _fill: Vec<_> = (0..4)
        .map(|_| {
            let filler =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
            filler.set_nonblocking(true).expect("a socket option");
            let _ = filler.connect(&address.into());
            filler
        })
        .collect();
    let authority = Authority { host: "127.0.0.1".into(), port: address.port(), unix: false };
    let pool = Pool::new(PoolLimits { connect_timeout: SHORT, ..pool_limits() });
    let began = Instant::now();
    let error = ask(&pool, &authority, get("/")).await.expect_err("nobody answers");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Connect, Sent::No));
    assert!(began.elapsed() >= SHORT, "not before its time");
}

#[tokio::test]
async fn a_service_that_does_not_answer_may_have_got_the_request() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.closed().await;
    })
    .await;
    let pool = Pool::new(pool_limits());
    let deadline = Instant::now() + SHORT;
    let error = soon("the deadline", pool.request(&service.authority, get("/"), deadline))
        .await
        .expect_err("no answer");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Timeout, Sent::Maybe));
    assert!(error.to_string().ends_with("did not answer before the deadline"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_told_apart_from_none() {
    for (answer, kind) in [
        ("SSH-2.0-OpenSSH\r\n\r\n", CallErrorKind::Protocol),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            CallErrorKind::Protocol,
        ),
        ("HTTP/1.1 20", CallErrorKind::Closed),
        ("", CallErrorKind::Closed),
    ] {
        let service = Service::start(move |mut connection| async move {
            connection.request().await;
            connection.write(answer).await;
        })
        .await;
        let error =
            ask(&Pool::new(pool_limits()), &service.authority, get("/")).await.expect_err("no answer");
        assert_eq!((error.kind, error.sent), (kind, Sent::Maybe), "{answer:?}: {error}");
        assert_eq!(service.requests(), 1, "{answer:?}: on a fresh connection it is not repeated");
    }
}

#[tokio::test]
async fn what_a_service_says_on_the_way_is_not_its_answer() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
        connection.write("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone").await;
        connection.closed().await;
    })
    .await;
    let answer = ask(&Pool::new(pool_limits()), &service.authority, get("/")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "a service's own no is an answer");
    assert_eq!(text(answer).await, "none");
}

#[tokio::test]
async fn a_body_is_gathered_up_to_its_bound_and_in_its_time() {
    let service = Service::start(|mut connection| async move {
        while let Some((head, _)) = connection.request().await {
            match head.split(' ').nth(1).expect("a path") {
                "/announced" => connection.write("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n").await,
                "/grows" => {
                    connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                    connection.write("6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n").await;
                }
                "/stalls" => connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await,
                "/breaks" => {
                    return connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await;
                }
                _ => connection.answer("0123456789").await,
            }
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    for (path, kind) in [
        ("/announced", CallErrorKind::TooLarge),
        ("/grows", CallErrorKind::TooLarge),
        ("/stalls", CallErrorKind::Timeout),
        ("/breaks", CallErrorKind::Closed),
    ] {
        let body = ask(&pool, &service.authority, get(path)).await.expect("an answer").into_body();
        let deadline = Instant::now() + SHORT;
        let error = soon("the end", body.collect_bounded(10, deadline)).await.expect_err("no whole body");
        assert_eq!((error.kind, error.sent), (kind, Sent::Maybe), "{path}: {error}");
    }
    let body = ask(&pool, &service.authority, get("/fits")).await.expect("an answer").into_body();
    assert_eq!(body.collect_bounded(10, later()).await.expect("exactly the bound fits"), "0123456789");
}
