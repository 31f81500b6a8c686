//! Floors: the least that must be done, without anything of the gateway. Each is a process like the gateway, on a
//! runtime like the gateway's, so that what differs is the work.

pub(crate) mod accepted;
pub(crate) mod backend;
pub(crate) mod proxy;
pub(crate) mod rows;

use std::convert::Infallible;
use std::io::Write;

use anyhow::{Context, Result};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

/// Runs a floor until it is killed.
pub(crate) fn run<F>(serve: impl FnOnce() -> F) -> Result<()>
where
    F: Future<Output = Result<Infallible>>,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")?;
    match runtime.block_on(serve())? {}
}

/// Serves HTTP/1.1 on a port of the system's choice and tells it as the gateway tells its own.
async fn serve<H, F, B>(handler: H) -> Result<Infallible>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>>> + Send + 'static,
    B: Body<Error: std::error::Error + Send + Sync> + Send + 'static,
    B::Data: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free")?;
    let line =
        serde_json::json!({ "message": "listening", "plane": "data", "address": listener.local_addr()? });
    writeln!(std::io::stderr(), "{line}").context("standard error is closed")?;
    loop {
        let (socket, _) = listener.accept().await.context("a connection could not be accepted")?;
        tokio::spawn(connection(socket, handler.clone()));
    }
}

async fn connection<H, F, B>(socket: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<B>>>,
    B: Body<Error: std::error::Error + Send + Sync> + 'static,
{
    let _ = socket.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(socket), service_fn(handler));
    // The load generator closes when it is done, in the middle of whatever.
    let _ = served.await;
}
