//! What is measured: one file each, and what they share.

mod accept;
mod broker_accept;
mod durable_nats;
mod floors;
mod forward;
mod kafka;
mod memory;
mod nats;
mod operations;
mod pair;
mod rounds;
pub(crate) mod sample;
mod start;
mod status;
mod work;

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::task::LocalSet;

use crate::brokers::{Broker, Missing};
use crate::cli::{Options, Place};
use crate::gateway::{self, Gateway};
use crate::load::pace::Pace;
use crate::load::{Load, Until};
use crate::report::{self, Section};

use floors::Floor;
use sample::Sample;

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Durable acceptance.
    Accept,
    /// Polling the status of an operation, in a small store and in a full one.
    Status,
    /// A service called directly, the caller held, nothing stored.
    Call,
    /// A command over the embedded broker, the caller held, nothing stored.
    Send,
    /// Whole durable operations, from acceptance to the recorded outcome.
    Operations,
    /// Memory: idle, with callers held, over minutes of load.
    Memory,
    /// From the start of the process to ready.
    Start,
    /// A command over NATS between two gateways, the caller held, nothing stored.
    Nats,
    /// The same as durable operations over JetStream.
    DurableNats,
    /// Durable acceptance until the message is at NATS, RabbitMQ and Kafka.
    BrokerAccept,
    /// A command over Kafka between two gateways, one caller at a time.
    Kafka,
}

/// What every measurement needs.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    /// The gateway's binary.
    binary: PathBuf,
    /// This program, which holds the floors.
    this: PathBuf,
    /// Holds a folder for each run.
    folder: PathBuf,
    /// How many destinations were used so far.
    destinations: Cell<u32>,
}

/// Runs what was asked for and reports it.
///
/// # Errors
/// A measurement failed; those before it are printed.
pub(crate) fn run(options: &Options) -> Result<()> {
    allow_many_connections()?;
    let bench = Bench::new(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sections = LocalSet::new().block_on(&runtime, bench.all_or_interrupted())?;
    let output = options.output.clone().or_else(|| default_output(options));
    output.map_or(Ok(()), |file| report::write(&file, &sections))
}

/// Few rounds are for trying out: they never replace numbers that were measured properly.
fn default_output(options: &Options) -> Option<PathBuf> {
    (options.rounds >= 5).then(|| workspace().join("docs/benchmarks.md"))
}

/// Thousands of callers are held on as many connections, here and, by inheritance, in the gateway.
fn allow_many_connections() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("open files cannot be raised")
}

fn workspace() -> &'static Path {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder)
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        let this = std::env::current_exe().context("this program does not know where it is")?;
        // A gateway that is named is named from where the command was given, but started elsewhere.
        let binary = match &options.binary {
            Some(binary) => {
                binary.canonicalize().with_context(|| format!("no gateway at {}", binary.display()))?
            }
            None => gateway::build(workspace())?,
        };
        let build_folder = || this.parent().map_or_else(std::env::temp_dir, Path::to_owned);
        let folder = options.folder.clone().unwrap_or_else(build_folder);
        let folder = folder.canonicalize().with_context(|| format!("no folder at {}", folder.display()))?;
        Ok(Self { options, binary, this, folder, destinations: Cell::default() })
    }

    /// An interrupted run takes its processes and its folders with it.
    async fn all_or_interrupted(&self) -> Result<Vec<Section>> {
        tokio::select! {
            sections = self.all() => sections,
            _ = tokio::signal::ctrl_c() => bail!("interrupted; nothing was written"),
        }
    }

    async fn all(&self) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        for name in Name::value_variants() {
            if self.options.only.is_empty() || self.options.only.contains(name) {
                let Some(section) = self.measured(*name).await? else { continue };
                let section = section.note(&self.how(*name));
                report::print(&section)?;
                sections.push(section);
            }
        }
        Ok(sections)
    }

    /// Nothing where its broker is not installed, unless that is a failure here.
    async fn measured(&self, name: Name) -> Result<Option<Section>> {
        match self.measure(name).await {
            Ok(section) => Ok(Some(section)),
            Err(error) if error.is::<Missing>() && !self.options.require_brokers => {
                report::progress(&format!("SKIPPED `{}`: {error:#}", name.as_str()));
                Ok(None)
            }
            Err(error) => Err(error.context(format!("the measurement `{}` failed", name.as_str()))),
        }
    }

    /// How the numbers of a section came about.
    fn how(&self, name: Name) -> String {
        let Options { rounds, seconds, connections, .. } = self.options;
        match name {
            Name::Memory | Name::Start => format!("Rounds: {rounds}."),
            Name::Nats | Name::DurableNats | Name::BrokerAccept | Name::Kafka => {
                format!(
                    "Rounds: {rounds} of {seconds} s; bodies of requests and answers: {} B.",
                    pair::BODY_BYTES
                )
            }
            _ => format!("Rounds: {rounds} of {seconds} s; connections: {connections}; bodies: 1 KiB."),
        }
    }

    async fn measure(&self, name: Name) -> Result<Section> {
        match name {
            Name::Accept => accept::measure(self).await,
            Name::Status => status::measure(self).await,
            Name::Call => forward::call(self).await,
            Name::Send => forward::send(self).await,
            Name::Operations => operations::measure(self).await,
            Name::Memory => memory::measure(self).await,
            Name::Start => start::measure(self).await,
            Name::Nats => nats::measure(self).await,
            Name::DurableNats => durable_nats::measure(self).await,
            Name::BrokerAccept => broker_accept::measure(self).await,
            Name::Kafka => kafka::measure(self).await,
        }
    }

    /// A new folder, gone with its value.
    pub(crate) fn new_folder(&self) -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix("sidegate-bench-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("no folder can be made in {}", self.folder.display()))
    }

    /// A place at a broker that nothing was sent to before.
    pub(crate) fn new_place(&self, broker: &Broker) -> Place {
        let number = self.destinations.get() + 1;
        self.destinations.set(number);
        Place { url: broker.url().to_owned(), destination: format!("bench.work.{number}") }
    }

    /// A gateway on the store in `folder`, with the broker in its own process.
    pub(crate) async fn gateway(&self, folder: &Path, backend: Option<&Floor>) -> Result<Gateway> {
        let toml = gateway::config::alone(backend.map(|floor| floor.address));
        self.gateway_of(folder, &toml).await
    }

    /// A gateway of this config.
    pub(crate) async fn gateway_of(&self, folder: &Path, toml: &str) -> Result<Gateway> {
        Gateway::start(&self.binary, folder, toml).await
    }

    /// A load at `address` in the shape that all share.
    pub(crate) fn load(&self, address: SocketAddr, requests: Vec<bytes::Bytes>, expected: u16) -> Load {
        let connections = self.options.connections;
        Load { address, requests: requests.into(), connections, pace: Pace::Closed, expected }
    }

    /// Warms up, then measures for one window what `usage` of a process goes into the load's requests.
    pub(crate) async fn sample(
        &self,
        load: &Load,
        usage: impl Fn() -> Result<crate::process::usage::Usage>,
    ) -> Result<Sample> {
        load.run(Until::For(self.options.warm_up())).await?;
        let before = usage()?;
        let measured = load.run(Until::For(self.options.window())).await?;
        Ok(Sample::new(&measured.latency, measured.elapsed, before, usage()?))
    }
}

impl Name {
    /// As it is written on the command line and in the document.
    pub(crate) fn as_str(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
