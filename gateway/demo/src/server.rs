//! The accept loop: HTTP/1.1 connections, a bound on their number, and an orderly end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::router::Router;

/// Connections at once; further ones wait in the system's backlog.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a connection may be idle, and how long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long requests under way may take once the service was asked to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// How long to wait when the system has no descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a service is to its server.
pub(crate) trait Bank: Send + Sync + 'static {
    /// Its endpoints.
    type Endpoint: Copy + Send + Sync + 'static;

    /// Where they are.
    fn router(&self) -> &Router<Self::Endpoint>;

    /// The methods an endpoint knows, as `Allow` writes them; HEAD comes with GET.
    fn methods(endpoint: Self::Endpoint) -> &'static [Method];

    /// Answers a request whose method the endpoint knows. Dropped when the client goes away.
    fn answer(
        &self,
        endpoint: Self::Endpoint,
        request: Request,
    ) -> impl Future<Output = Result<Response, Problem>> + Send;
}

/// Serves `bank` until `shutdown` completes; returns when the last connection is closed.
pub(crate) async fn run<B: Bank>(bank: B, listener: TcpListener, shutdown: impl Future) {
    let bank = Arc::new(bank);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((socket, _)) => {
                    let connection = connection(Arc::clone(&bank), socket);
                    connections.spawn(graceful.watch(connection));
                }
                Err(error) => pause_after(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = &mut shutdown => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "stopping before every request was answered");
    }
}

fn connection<B: Bank>(
    bank: Arc<B>,
    socket: TcpStream,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    // Answers are small: waiting to fill a segment only delays them.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| {
        let bank = Arc::clone(&bank);
        async move { Ok::<_, std::convert::Infallible>(respond(&*bank, request).await.unwrap_or_else(Into::into)) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(socket), service)
}

async fn respond<B: Bank>(bank: &B, request: hyper::Request<Incoming>) -> Result<Response, Problem> {
    let (endpoint, parameter) = bank.router().find(request.uri().path())?;
    // HEAD is GET whose body is left out on the way.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let methods = B::methods(endpoint);
    if !methods.contains(&method) {
        return Err(Problem::method_not_allowed(method.as_str(), allowed(methods)));
    }
    bank.answer(endpoint, Request::read(request, method, parameter).await?).await
}

fn allowed(methods: &[Method]) -> String {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push("HEAD");
    }
    names.join(", ")
}

async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
