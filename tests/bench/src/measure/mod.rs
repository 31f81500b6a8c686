//! What is measured: one file each, and what they share.

mod accept;
mod forward;
mod memory;
mod operations;
mod rounds;
pub(crate) mod sample;
mod start;
mod status;
mod work;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::LocalSet;

use crate::cli::Options;
use crate::gateway::{self, Gateway};
use crate::load::{Load, Until};
use crate::process::Process;
use crate::report::{self, Section};

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
        Ok(Self { options, binary, this, folder })
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
                let section = self.measure(*name).await;
                let section =
                    section.with_context(|| format!("the measurement `{}` failed", name.as_str()))?;
                let section = section.note(&self.how(*name));
                report::print(&section)?;
                sections.push(section);
            }
        }
        Ok(sections)
    }

    /// How the numbers of a section came about.
    fn how(&self, name: Name) -> String {
        let Options { rounds, seconds, connections, .. } = self.options;
        match name {
            Name::Memory | Name::Start => format!("Rounds: {rounds}."),
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
        }
    }

    /// A new folder, gone with its value.
    pub(crate) fn new_folder(&self) -> Result<TempDir> {
        tempfile::Builder::new()
            .prefix("sidegate-bench-")
            .tempdir_in(&self.folder)
            .with_context(|| format!("no folder can be made in {}", self.folder.display()))
    }

    /// A gateway on the store in `folder`.
    pub(crate) async fn gateway(&self, folder: &Path, backend: Option<&Floor>) -> Result<Gateway> {
        Gateway::start(&self.binary, folder, backend.map(|floor| floor.address)).await
    }

    /// A floor, started as a process of its own.
    pub(crate) async fn floor(&self, name: &'static str, backend: Option<&Floor>) -> Result<Floor> {
        let mut command = self.this_program();
        command.arg(name);
        if let Some(backend) = backend {
            command.arg("--backend").arg(backend.address.to_string());
        }
        let mut process = Process::start(name, command)?;
        let address = process.address("data").await?;
        Ok(Floor { process, address })
    }

    pub(crate) fn this_program(&self) -> Command {
        Command::new(&self.this)
    }

    /// A load at `address` in the shape that all share.
    pub(crate) fn load(&self, address: SocketAddr, requests: Vec<bytes::Bytes>, expected: u16) -> Load {
        Load { address, requests: requests.into(), connections: self.options.connections, expected }
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

/// A floor that runs.
pub(crate) struct Floor {
    process: Process,
    address: SocketAddr,
}

impl Floor {
    /// One sample of it.
    pub(crate) async fn sample(
        self,
        bench: &Bench<'_>,
        request: bytes::Bytes,
        expected: u16,
    ) -> Result<Sample> {
        let load = bench.load(self.address, vec![request], expected);
        let sample = bench.sample(&load, || self.process.usage()).await?;
        self.process.stop().await?;
        Ok(sample)
    }
}

impl Name {
    /// As it is written on the command line and in the document.
    pub(crate) fn as_str(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
