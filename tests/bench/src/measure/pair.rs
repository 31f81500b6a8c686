//! Two processes that make a round trip together: one is asked over HTTP and asks over a broker, the other answers by
//! a service beside it. Hand-written, or two gateways.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::Bench;
use super::floors::Floor;
use super::sample::{Sample, Used};
use crate::brokers::Broker;
use crate::cli::Callers;
use crate::gateway::{Gateway, config};
use crate::load::connection::Connection;
use crate::load::pace::Pace;
use crate::load::request::{json_of, post_of};
use crate::load::{Load, Until};
use crate::process::Process;
use crate::process::usage::Usage;

/// Of requests and of answers.
pub(super) const BODY_BYTES: usize = 512;
/// How long the first request may find nobody on the other side: a consumer group takes its time.
const MEETING_TIMEOUT: Duration = Duration::from_secs(60);
const TRY_EVERY: Duration = Duration::from_millis(50);

/// How a pair is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trip {
    /// Which route; a hand-written pair has only one.
    pub(super) path: &'static str,
    pub(super) connections: u16,
    pub(super) pace: Pace,
}

/// Two gateways that have met.
pub(super) struct Gateways {
    pub(super) asking: Gateway,
    pub(super) answering: Gateway,
    service: Process,
    folders: [TempDir; 2],
}

/// Any two processes that have met.
struct Pair {
    /// Where the asking one listens.
    address: SocketAddr,
    asking: Process,
    answering: Process,
    /// Gone with the pair.
    _service: Process,
    _folders: Vec<TempDir>,
}

impl Trip {
    /// The request of a trip.
    pub(super) fn request(path: &str) -> bytes::Bytes {
        post_of(path, &json_of(BODY_BYTES))
    }

    fn load(self, address: SocketAddr) -> Load {
        let requests = [Self::request(self.path)].into();
        Load { address, requests, connections: self.connections, pace: self.pace, expected: 200 }
    }
}

/// One sample of the hand-written pair.
pub(super) async fn hand_written(bench: &Bench<'_>, broker: &Broker, trip: Trip) -> Result<Sample> {
    let (place, service) = (bench.new_place(broker), service(bench).await?);
    let backend = format!("--backend={}", service.address);
    let arguments = place.arguments().into_iter().chain([backend]);
    let answering = bench.start_floor("floor-pair-answer", arguments)?;
    let asking = bench.floor_of("floor-pair-ask", place.arguments()).await?;
    let address = asking.address;
    meet(address, trip.path).await.with_context(|| answering.log())?;
    let (asking, service) = (asking.into_process(), service.into_process());
    Pair { address, asking, answering, _service: service, _folders: Vec::new() }.sample(bench, trip).await
}

/// One sample of two gateways.
pub(super) async fn gateways(bench: &Bench<'_>, broker: &Broker, trip: Trip) -> Result<Sample> {
    let gateways = Gateways::start(bench, broker, trip.path).await?;
    gateways.into_pair().sample(bench, trip).await
}

/// One sample of the client library alone: the same request and reply between two processes, without HTTP and without
/// a service.
pub(super) async fn library_alone(
    bench: &Bench<'_>,
    broker: &Broker,
    [answer, ask]: [&'static str; 2],
    clients: u16,
) -> Result<Sample> {
    let place = bench.new_place(broker);
    let answering = bench.start_floor(answer, place.arguments())?;
    let callers = Callers::of(bench.options.window(), clients);
    let more = [format!("--bytes={BODY_BYTES}"), format!("--partner={}", answering.id()?)];
    let arguments = place.arguments().into_iter().chain(callers.arguments()).chain(more);
    let sample = bench.told_by(ask, arguments).await.with_context(|| answering.log())?;
    answering.stop().await?;
    Ok(sample)
}

async fn service(bench: &Bench<'_>) -> Result<Floor> {
    bench.floor_of("backend", [format!("--bytes={BODY_BYTES}")]).await
}

/// Asks until there is an answer: the other side may still be on its way.
async fn meet(asking: SocketAddr, path: &str) -> Result<()> {
    let (request, until) = (Trip::request(path), Instant::now() + MEETING_TIMEOUT);
    loop {
        let answered = Connection::open(asking).await?.exchange(&request).await;
        match answered {
            Ok(200) => return Ok(()),
            Ok(status) if Instant::now() > until => bail!("the other side does not answer: {status}"),
            Err(error) if Instant::now() > until => return Err(error),
            Ok(_) | Err(_) => tokio::time::sleep(TRY_EVERY).await,
        }
    }
}

impl Gateways {
    pub(super) async fn start(bench: &Bench<'_>, broker: &Broker, path: &str) -> Result<Self> {
        let (place, service) = (bench.new_place(broker), service(bench).await?);
        let folders = [bench.new_folder()?, bench.new_folder()?];
        let toml = config::answering(&place, service.address);
        let answering = bench.gateway_of(folders[1].path(), &toml).await?;
        let asking = bench.gateway_of(folders[0].path(), &config::asking(&place)).await?;
        let logs = || format!("asking:\n{}\nanswering:\n{}", asking.log(), answering.log());
        meet(asking.data, path).await.with_context(logs)?;
        Ok(Self { asking, answering, service: service.into_process(), folders })
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.asking.stop().await?;
        self.answering.stop().await
    }

    fn into_pair(self) -> Pair {
        Pair {
            address: self.asking.data,
            asking: self.asking.into_process(),
            answering: self.answering.into_process(),
            _service: self.service,
            _folders: self.folders.into(),
        }
    }
}

impl Pair {
    async fn sample(self, bench: &Bench<'_>, trip: Trip) -> Result<Sample> {
        let load = trip.load(self.address);
        load.run(Until::For(bench.options.warm_up())).await?;
        let before = self.usage()?;
        let measured = load.run(Until::For(bench.options.window())).await.with_context(|| self.log())?;
        let after = self.usage()?;
        self.asking.stop().await?;
        self.answering.stop().await?;
        let sample = Sample::new(&measured.latency, measured.elapsed, before[0], after[0]);
        Ok(Sample { partner: Some(Used::between(before[1], after[1])), ..sample })
    }

    fn usage(&self) -> Result<[Usage; 2]> {
        Ok([self.asking.usage()?, self.answering.usage()?])
    }

    fn log(&self) -> String {
        format!("asking:\n{}\nanswering:\n{}", self.asking.log(), self.answering.log())
    }
}
