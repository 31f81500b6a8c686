//! Floors: the least that must be done, without anything of the gateway. Each is a process like the gateway, on a
//! runtime like the gateway's, so that what differs is the work.

mod accepted;
mod backend;
mod callers;
mod kafka;
mod nats;
mod pool;
mod proxy;
mod rabbitmq;
mod rows;

use std::convert::Infallible;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::cli::Command;
use crate::measure::sample::Sample;

/// How long the first request of all may find nobody who answers.
const PATIENCE: Duration = Duration::from_secs(30);
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Runs a floor: until it is killed, or until it has told its own sample.
///
/// # Errors
/// It cannot do its work.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Floor202 => serving(accepted::serve()),
        Command::Backend { bytes } => serving(backend::serve(bytes)),
        Command::FloorProxy { backend } => serving(proxy::serve(backend)),
        Command::FloorSqlite(plan) => tell(&rows::measure(&plan)?),
        Command::FloorNatsAsk(plan) => telling(nats::alone::ask(plan)),
        Command::FloorNatsAnswer(place) => serving(nats::alone::answer(place)),
        Command::FloorPairAsk(place) => serving(nats::pair::ask(place)),
        Command::FloorPairAnswer { place, backend } => serving(nats::pair::answer(place, backend)),
        Command::FloorKafkaAsk(plan) => telling(kafka::alone::ask(plan)),
        Command::FloorKafkaAnswer(place) => serving(kafka::alone::answer(place)),
        Command::FloorNatsAccept(place) => serving(nats::accept::serve(place)),
        Command::FloorRabbitmqAccept(place) => serving(rabbitmq::serve(place)),
        Command::FloorKafkaAccept(place) => serving(kafka::accept::serve(place)),
    }
}

fn serving(floor: impl Future<Output = Result<Infallible>>) -> Result<()> {
    match runtime()?.block_on(floor)? {}
}

fn telling(floor: impl Future<Output = Result<Sample>>) -> Result<()> {
    tell(&runtime()?.block_on(floor)?)
}

/// Like the gateway's.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")
}

/// Writes what came out as JSON to standard output.
fn tell(sample: &Sample) -> Result<()> {
    serde_json::to_writer(std::io::stdout(), sample).context("standard output is closed")
}

/// Shows what went wrong with one of many requests; whoever waits for it will tell that it did.
fn complain(done: Result<()>) {
    if let Err(error) = done {
        // Without anybody who reads it, nothing is lost.
        let _ = writeln!(std::io::stderr(), "{error:#}");
    }
}

/// Calls until it succeeds: the other side may still be on its way.
async fn patiently<F>(call: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let until = Instant::now() + PATIENCE;
    while let Err(error) = call().await {
        if Instant::now() > until {
            return Err(error);
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
    Ok(())
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
