//! Where requests come in: sockets, connections, and the limits on both; for the data plane and the admin plane.
//!
//! ```text
//! Listener ─ accept (a slot each, others wait in the backlog) ─ connection ─ service ─ Handler
//!                                                               │  one watch: first byte, head, idle, writing
//! Drain ── stops the first, finishes the second ────────────────┘
//! ```
//!
//! Own loop over the protocol library, because the ready-made ones set no timers and no bound. Nothing is known here
//! of routes: whatever HTTP allows reaches the handler, whatever it does not is answered here. TLS and HTTP/2 are not
//! spoken.

mod accept;
mod body;
mod connection;
mod counters;
mod drain;
mod farewell;
mod listener;
mod phase;
mod service;
mod watch;
mod wire;

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use sidegate_config::settings::Limits;
use tokio::time::Duration;

pub use crate::call::Peer;
pub use body::{BodyFault, read_body, stream_body};
pub use counters::{Counters, Timeout};
pub use drain::Drain;
pub use listener::Listener;

use crate::body::Body;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The answer. The future is dropped when the client goes away before it is ready; whatever must not be left
    /// half done belongs into a task of its own. A panic is answered with 500.
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send;
}

/// Serves what comes in at `listener` until the drain starts, then closes it.
///
/// Ends when nothing more is accepted; connections that are open then end by themselves, which
/// [`Drain::finished`] waits for. The listener counts as open from this call on, not only from the first poll.
pub fn serve<H: Handler>(
    listener: Listener,
    limits: &Limits,
    handler: Arc<H>,
    drain: Drain,
) -> impl Future<Output = ()> + Send + use<H> {
    let plane = Plane {
        handler,
        http: protocol(limits),
        connections_max: limits.connections_max,
        headers_max: limits.headers_max,
        timeouts: Timeouts::from(limits),
        counters: listener.counters(),
        drain,
    };
    accept::until_drained(listener, Arc::new(plane))
}

/// What all connections of one listener share.
struct Plane<H> {
    handler: Arc<H>,
    http: http1::Builder,
    connections_max: usize,
    headers_max: usize,
    timeouts: Timeouts,
    counters: Arc<Counters>,
    drain: Drain,
}

/// How long a connection may make somebody wait.
#[derive(Debug, Clone, Copy)]
struct Timeouts {
    first_byte: Duration,
    header: Duration,
    idle: Duration,
}

impl From<&Limits> for Timeouts {
    fn from(limits: &Limits) -> Self {
        Self {
            first_byte: limits.first_byte_timeout,
            header: limits.header_timeout,
            idle: limits.idle_timeout,
        }
    }
}

/// Up to so many headers the library keeps them on the stack; a larger limit costs an allocation each request.
const HEADERS_ON_STACK_MAX: usize = 100;
/// Larger pieces of a body save system calls, and cost memory for each connection that sends one.
const BUFFER_BYTES_MAX: usize = 128 * 1024;

fn protocol(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // Ours tells a silent client from a slow one, and answers; see `watch`.
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(limits.head_bytes_max.max(BUFFER_BYTES_MAX));
    if limits.headers_max > HEADERS_ON_STACK_MAX {
        http.max_headers(limits.headers_max);
    }
    http
}
