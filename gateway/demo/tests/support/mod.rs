//! A running sample service, and the least client that can ask it.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sidegate_demo::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Stops with its value.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// `null` where there is no body.
    pub(crate) body: Value,
}

impl Running {
    pub(crate) async fn start(service: Service) -> Self {
        Self::start_on(service, None).await
    }

    pub(crate) async fn start_on(service: Service, database: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(sidegate_demo::serve(service, listener, database, stopped));
        Self { address, stop, served }
    }

    /// Asks the service to stop and waits until it did.
    pub(crate) async fn stop(self) -> std::io::Result<()> {
        drop(self.stop);
        self.served.await.expect("a service does not panic")
    }

    /// How it ended by itself.
    pub(crate) async fn ended(self) -> std::io::Result<()> {
        self.served.await.expect("a service does not panic")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(hyper::Request::get(path).body(String::new())).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let request = hyper::Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string())).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: Value) -> Answer {
        let request = hyper::Request::post(path).header("idempotency-key", key);
        self.send(request.body(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(hyper::Request::put(path).body(body.to_string())).await
    }

    /// A POST that the service has begun to read when this returns; the answer is still to come.
    pub(crate) async fn under_way(&self, path: &str, body: Value) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.expect("the service listens");
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bank\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.expect("a head is sent");
        let mut invitation = [0; 25];
        socket.read_exact(&mut invitation).await.expect("the service asks for the body");
        assert_eq!(
            &invitation, b"HTTP/1.1 100 Continue\r\n\r\n",
            "it asks for the body only when it reads it"
        );
        socket.write_all(body.as_bytes()).await.expect("a body is sent");
        socket
    }

    pub(crate) async fn send(&self, request: hyper::http::Result<hyper::Request<String>>) -> Answer {
        let socket = TcpStream::connect(self.address).await.expect("the service listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.expect("a new connection");
        tokio::spawn(connection);
        let mut request = request.expect("a well-formed request").map(|body| Full::new(Bytes::from(body)));
        request.headers_mut().insert("host", "bank".parse().expect("a header value"));
        let response = sender.send_request(request).await.expect("every request is answered");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// Asserts a problem document with this code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "a refusal says what it is");
        assert_eq!(answer.body["code"], code, "programs tell refusals by their code: {:#}", answer.body);
        assert_eq!(answer.body["status"], status, "the document repeats the status");
        answer
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
