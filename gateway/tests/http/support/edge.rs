//! An edge with a handler of the test's own.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use sidegate::body::Body;
use sidegate::ingress::{Counters, Drain, Handler, Listener, Peer, serve};
use sidegate_config::settings::{Limits, Listen};
use tokio::time::Instant;

use super::{Client, soon};

/// Limits that no test reaches by accident.
pub(crate) fn limits() -> Limits {
    let long = Duration::from_secs(60);
    Limits {
        body_bytes_max: 1024 * 1024,
        head_bytes_max: 64 * 1024,
        headers_max: 100,
        connections_max: 1000,
        held_max: 1000,
        streams_max: 1000,
        first_byte_timeout: long,
        header_timeout: long,
        body_idle_timeout: long,
        body_total_timeout: long,
        idle_timeout: long,
        calls_max: 100,
        wait_max: long,
    }
}

/// What is served, and what is known of it.
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    pub(crate) drain: Drain,
}

struct Answering<F>(F);

impl<F, Fut> Handler for Answering<F>
where
    F: Fn(Request<Incoming>, Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send,
{
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send {
        (self.0)(request, peer)
    }
}

impl Edge {
    /// On a port of its own.
    pub(crate) fn start<F, Fut>(limits: &Limits, answer: F) -> Self
    where
        F: Fn(Request<Incoming>, Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start_at(&Listen::Tcp(([127, 0, 0, 1], 0).into()), limits, answer)
    }

    pub(crate) fn start_at<F, Fut>(listen: &Listen, limits: &Limits, answer: F) -> Self
    where
        F: Fn(Request<Incoming>, Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = Listener::bind(listen).expect("a free port");
        let address = match listener.local() {
            Listen::Tcp(address) => *address,
            Listen::Unix(_) => ([0, 0, 0, 0], 0).into(),
        };
        let (counters, drain) = (listener.counters(), Drain::new());
        tokio::spawn(serve(listener, limits, Arc::new(Answering(answer)), drain.clone()));
        Self { address, counters, drain }
    }

    /// One that says hello.
    pub(crate) fn hello(limits: &Limits) -> Self {
        Self::start(limits, |_, _| async { Response::new(Body::from("hello")) })
    }

    pub(crate) async fn client(&self) -> Client {
        Client::tcp(self.address).await
    }

    /// Everything closed in peace.
    pub(crate) async fn finished(&self) {
        let finished = self.drain.finished(Instant::now() + Duration::from_secs(10));
        assert!(soon("the drain", finished).await, "nothing is left open");
    }
}
