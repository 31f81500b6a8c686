//! The service that a gateway stands beside: a local HTTP server that records every call and answers by a script.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::Reply;
use crate::body::Body;
use crate::eventually::{DEADLINE, eventually};
use crate::script::Script;

/// A call as the service saw it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Upper case.
    pub method: String,
    /// With its query.
    pub path: String,
    /// As they came.
    pub headers: HeaderMap,
    /// Byte for byte; empty for an echoed call.
    pub body: Bytes,
    /// When its body was there.
    pub began: Instant,
    /// When it was answered; `None` while it is not.
    pub ended: Option<Instant>,
}

/// A service in the test's own process; ends with this value.
pub struct Service {
    state: Arc<State>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
}

impl Service {
    /// Starts to listen. Every call is answered with 200 until the script says otherwise.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { state, address, server }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The service ends: connections are cut, new ones are refused.
    pub async fn stop(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// The service is there again, at the same address, and knows what it was called before.
    pub async fn start_again(&mut self) {
        let address = self.address;
        let bound = async || TcpListener::bind(address).await.ok();
        let listener = eventually(DEADLINE, "the service's port is free again", bound).await;
        self.server = tokio::spawn(serve(listener, Arc::clone(&self.state)));
    }

    /// Answers `"POST /orders"` like this from now on.
    pub fn on(&self, call: &str, reply: Reply) {
        self.on_each(call, [reply]);
    }

    /// Answers the first such call with the first, and so on; the last answer stays.
    pub fn on_each(&self, call: &str, replies: impl IntoIterator<Item = Reply>) {
        self.state.script.lock().in_turn(call, replies);
    }

    /// Makes an answer of each such call.
    pub fn on_call(&self, call: &str, reply: impl Fn(&Call) -> Reply + Send + Sync + 'static) {
        self.state.script.lock().made(call, Arc::new(reply));
    }

    /// Every call so far, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().clone()
    }

    /// The calls of one path so far, whatever the query.
    #[must_use]
    pub fn calls_to(&self, path: &str) -> Vec<Call> {
        let is_to = |call: &Call| call.path.split('?').next() == Some(path);
        self.calls().into_iter().filter(is_to).collect()
    }

    /// How many calls are unanswered at this moment.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.state.calls.lock().iter().filter(|call| call.ended.is_none()).count()
    }

    /// Waits until `count` calls of `path` came.
    pub async fn called(&self, path: &str, count: usize) -> Vec<Call> {
        let what = format!("{count} calls of {path} came");
        eventually(DEADLINE, &what, async || Some(self.calls_to(path)).filter(|calls| calls.len() >= count))
            .await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Call {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Idempotency-Key`.
    ///
    /// # Panics
    /// When there is none: every call of a consumer has one.
    #[must_use]
    pub fn key(&self) -> String {
        self.header("idempotency-key").expect("a call carries an Idempotency-Key").to_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    fn begun(request: &Request<Incoming>) -> Self {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        Self {
            method: request.method().to_string(),
            path: path.to_owned(),
            headers: request.headers().clone(),
            body: Bytes::new(),
            began: Instant::now(),
            ended: None,
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve_connection(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    // The gateway may cut the connection, and so may the script.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let mut call = Call::begun(&request);
    let echo = state.script.lock().echoes(&call);
    if let Some(reply) = echo {
        let _ongoing = Ongoing::new(state, call);
        return Ok(reply.headed(request.into_body().map_err(io::Error::other).boxed_unsync()));
    }
    call.body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    call.began = Instant::now();
    let reply = state.script.lock().reply(&call);
    let ongoing = Ongoing::new(state, call);
    reply.time().await;
    drop(ongoing);
    reply.into_response()
}

/// A call on the record; it has ended when this is dropped, also because the caller is gone.
struct Ongoing {
    state: Arc<State>,
    number: usize,
}

impl Ongoing {
    fn new(state: Arc<State>, call: Call) -> Self {
        let mut calls = state.calls.lock();
        calls.push(call);
        let number = calls.len() - 1;
        drop(calls);
        Self { state, number }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        self.state.calls.lock()[self.number].ended = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::Service;
    use crate::{Client, Gate, Reply};

    async fn service() -> (Service, Client) {
        let service = Service::start().await;
        let client = Client::new(service.address);
        (service, client)
    }

    #[tokio::test]
    async fn it_answers_by_its_script_and_records_every_call() {
        let (service, client) = service().await;
        service.on_each("POST /orders", [Reply::status(503), Reply::status(201).body("made")]);
        let _ = client.post("/orders?x=1").await.is(200);
        let _ = client.post("/orders").body("first").await.is(503);
        assert_eq!(client.post("/orders").body("second").await.is(201).text(), "made", "one after the other");
        let _ = client.post("/orders").key("k").await.is(201);
        let calls = service.calls_to("/orders");
        let bodies: Vec<_> = calls.iter().map(|call| call.body.clone()).collect();
        assert_eq!(bodies, ["", "first", "second", ""], "all that came, in its order");
        assert_eq!(calls[3].key(), "k", "with its headers");
    }

    #[tokio::test]
    async fn it_can_break_every_promise_of_http() {
        let (service, client) = service().await;
        service.on("GET /closed", Reply::closed());
        service.on("GET /cut", Reply::cut_mid_body());
        assert!(client.get("/closed").tried().await.is_err(), "no answer at all");
        assert!(client.get("/cut").tried().await.is_err(), "half an answer is none");
    }

    #[tokio::test]
    async fn a_call_is_open_until_it_is_answered() {
        let (service, client) = service().await;
        let gate = Gate::shut();
        service.on("GET /slow", Reply::status(200).behind(&gate));
        let asked = tokio::spawn(client.get("/slow").into_future());
        service.called("/slow", 1).await;
        assert_eq!(service.open_calls(), 1, "it waits at the gate");
        gate.open();
        let _ = asked.await.expect("an answer").is(200);
        assert_eq!(service.open_calls(), 0, "and is over");
    }

    #[tokio::test]
    async fn it_can_go_away_and_come_back() {
        let (mut service, client) = service().await;
        service.stop().await;
        assert!(client.get("/").tried().await.is_err(), "nobody listens");
        service.start_again().await;
        let _ = client.get("/").await.is(200);
    }
}
