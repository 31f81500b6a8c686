//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

use crate::measure::Name;

/// Measures floors and Sidegate in turn and prints what came out.
#[derive(Debug, Parser)]
#[command(
    name = "sidegate-bench",
    after_help = "\
Build times are not measured here, because everything here is built already; from nothing:
  cargo build --release -p sidegate --target-dir \"$(mktemp -d)\""
)]
pub(crate) struct Options {
    /// How often each contender is measured; the tables show medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long each contender is measured in a round.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Measure this alone; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<Name>,
    /// Connections of the load generator, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// How many operations the long run makes, and the full store holds.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    pub(crate) operations: u64,
    /// How many callers are held at once.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) callers: u32,
    /// How many operations are open when the gateway starts.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) open: u64,
    /// How long memory is watched under load.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) minutes: u64,
    /// Where the tables are written, between markers that name them; what stands around them stays. Default:
    /// docs/benchmarks.md after five rounds and more, nowhere after fewer.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where databases are made while it runs; it should be on the disk that matters. Default: the build folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Measure this gateway instead of building one in release mode.
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// Fail where a broker is not installed, instead of leaving out what needs it.
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    pub(crate) require_brokers: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the measurements start as processes of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A bare handler that answers 202.
    #[command(name = "floor-202", hide = true)]
    Floor202,
    /// A bare reverse proxy.
    #[command(hide = true)]
    FloorProxy {
        /// Where it leads.
        #[arg(long)]
        backend: SocketAddr,
    },
    /// Bare inserts into SQLite.
    #[command(hide = true)]
    FloorSqlite(RowsPlan),
    /// The NATS client alone: asks.
    #[command(hide = true)]
    FloorNatsAsk(AskPlan),
    /// The NATS client alone: answers.
    #[command(hide = true)]
    FloorNatsAnswer(Place),
    /// The hand-written pair's HTTP server, which asks over NATS.
    #[command(hide = true)]
    FloorPairAsk(Place),
    /// The hand-written pair's worker, which answers by a service.
    #[command(hide = true)]
    FloorPairAnswer {
        #[command(flatten)]
        place: Place,
        /// The service.
        #[arg(long)]
        backend: SocketAddr,
    },
    /// The Kafka client alone: asks.
    #[command(hide = true)]
    FloorKafkaAsk(AskPlan),
    /// The Kafka client alone: answers.
    #[command(hide = true)]
    FloorKafkaAnswer(Place),
    /// Answers 202 when JetStream has acknowledged.
    #[command(hide = true)]
    FloorNatsAccept(Place),
    /// Answers 202 when RabbitMQ has confirmed.
    #[command(hide = true)]
    FloorRabbitmqAccept(Place),
    /// Answers 202 when Kafka has confirmed.
    #[command(hide = true)]
    FloorKafkaAccept(Place),
    /// A service that answers 200 with a document.
    #[command(hide = true)]
    Backend {
        /// The document's size.
        #[arg(long, default_value_t = 1_024)]
        bytes: usize,
    },
}

/// What the SQLite floor does.
#[derive(Debug, Args)]
pub(crate) struct RowsPlan {
    /// Where its database is made.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) callers: Callers,
}

/// Callers within a floor.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Callers {
    /// For how long.
    #[arg(long)]
    pub(crate) milliseconds: u64,
    /// How many, each with one call under way.
    #[arg(long)]
    pub(crate) clients: u16,
}

/// Where at a broker.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The broker.
    #[arg(long)]
    pub(crate) url: String,
    /// Where messages go.
    #[arg(long)]
    pub(crate) destination: String,
}

/// What a floor asks that has no HTTP.
#[derive(Debug, Args)]
pub(crate) struct AskPlan {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) callers: Callers,
    /// How large a request is.
    #[arg(long)]
    pub(crate) bytes: usize,
    /// The process that answers, to tell what it used meanwhile.
    #[arg(long)]
    pub(crate) partner: i32,
}

impl Place {
    /// As the command line takes them.
    pub(crate) fn arguments(&self) -> [String; 2] {
        [format!("--url={}", self.url), format!("--destination={}", self.destination)]
    }
}

impl Callers {
    pub(crate) fn of(window: Duration, clients: u16) -> Self {
        Self { milliseconds: u64::try_from(window.as_millis()).unwrap_or(u64::MAX), clients }
    }

    /// The same for as long as they run before it counts.
    pub(crate) fn warm_up(self) -> Self {
        Self::of(warm_up_of(Duration::from_millis(self.milliseconds)), self.clients)
    }

    /// As the command line takes them.
    pub(crate) fn arguments(self) -> [String; 2] {
        [format!("--milliseconds={}", self.milliseconds), format!("--clients={}", self.clients)]
    }
}

impl Options {
    /// How long a contender is measured in a round.
    pub(crate) const fn window(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How long it runs before: pools are filled and caches warm when it counts.
    pub(crate) fn warm_up(&self) -> Duration {
        warm_up_of(self.window())
    }
}

fn warm_up_of(window: Duration) -> Duration {
    (window / 4).min(Duration::from_secs(2))
}
