//! What can be typed, and the help that teaches it. Only words and types: what a command does stands beside it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sidegate_core::Timestamp;
use sidegate_core::operation::Status;
use sidegate_demo::Service;

use super::when;
use crate::observe::logs::Filter;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A gateway beside your service: HTTP in, messages over any broker, the outcome told to the client.
#[derive(Debug, Parser)]
#[command(
    name = "sidegate",
    version,
    styles = STYLES,
    disable_help_subcommand = true,
    after_help = "Examples:
  sidegate demo                          everything in one process, nothing to install
  sidegate check                         all problems of sidegate.toml at once
  sidegate run                           serve it
  sidegate operations list --status failed

Exit codes: 0 fine, 1 failed at run time, 2 wrong usage or config."
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "For every command")]
pub struct Global {
    /// The config file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SIDEGATE_CONFIG",
        hide_env_values = true,
        default_value = "sidegate.toml"
    )]
    pub config: PathBuf,
    /// Log lines on standard error: a level (`debug`), or levels by part (`info,sidegate::deliver=debug`)
    /// [default: info; for the demo warn]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<Filter>,
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the config until SIGTERM or SIGINT, then finish what is under way
    ///
    /// SIGHUP or a changed file reloads the config: whole or not at all, and no request is dropped. After SIGTERM no
    /// new connections are taken, callers who are held get their 202, and what is under way has `[gateway] drain` to
    /// end, or until a second signal.
    Run,
    /// A bank in one process: two gateways, two sample services, a broker and stores, and `curl` lines to try
    #[command(args_conflicts_with_subcommands = true)]
    Demo(Demo),
    /// Check a config: all problems at once, each with its place and a hint
    #[command(after_help = "Examples:
  sidegate check
  sidegate --config orders.toml check --connect --strict
  sidegate check --format json | jq '.errors[].message'")]
    Check(Check),
    /// The table of routes and consumers, with where each leads
    Routes(Format),
    /// The JSON Schema of the config file, for editors
    #[command(after_help = "Example:
  sidegate schema > sidegate.schema.json      and in the config: #:schema sidegate.schema.json")]
    Schema,
    /// OpenAPI 3.1 of the routes
    Openapi,
    /// AsyncAPI 3.0 of the messages
    Asyncapi,
    /// The store of the config
    #[command(subcommand)]
    Store(Store),
    /// Operations of a running gateway, by its admin plane
    Operations(Operations),
    /// Messages that a running gateway has set aside after their attempts ran out
    Parked(Parked),
    /// Completions for a shell, on standard output
    #[command(after_help = "Examples:
  sidegate completions bash > /etc/bash_completion.d/sidegate
  sidegate completions zsh  > \"${fpath[1]}/_sidegate\"
  sidegate completions fish > ~/.config/fish/completions/sidegate.fish")]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run the printed lines, say for each whether it did what it should, and exit with 0 or 1
    #[arg(long)]
    pub check: bool,
    /// Listen where the system chooses, not on the ports of the documentation; what is printed names them
    #[arg(long)]
    pub any_port: bool,
    /// The broker between the gateways [default: the embedded one]
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// A part of it alone.
    #[command(subcommand)]
    pub part: Option<DemoPart>,
}

/// `demo service`.
#[derive(Debug, Subcommand)]
pub enum DemoPart {
    /// One of the sample services alone
    #[command(after_help = "Example:
  sidegate demo service accounts --listen 127.0.0.1:3001 --database accounts.db")]
    Service {
        /// `accounts` or `customers`
        name: Service,
        /// Where it listens; port 0 lets the system choose
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Its SQLite file [default: in memory]
        #[arg(long, value_name = "PATH")]
        database: Option<PathBuf>,
    },
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Try the brokers and the store too, and say what weakens their promises; exits 1 when one cannot be reached
    #[arg(long)]
    pub connect: bool,
    /// Make every warning an error
    #[arg(long)]
    pub strict: bool,
    /// How to print it.
    #[command(flatten)]
    pub output: Format,
}

/// `--format`.
#[derive(Debug, Clone, Copy, Args)]
pub struct Format {
    /// How to print it: human or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    pub format: OutputFormat,
}

/// For whom the output is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Aligned tables, for eyes.
    #[default]
    Human,
    /// JSON, for scripts.
    Json,
}

/// `store`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Write a consistent copy of the store into a new file
    ///
    /// The gateway that runs on the store writes it, while it serves: the path is the gateway's, and a relative one
    /// is found from here.
    Backup {
        /// The file to write; must not exist
        file: PathBuf,
        /// Which gateway.
        #[command(flatten)]
        admin: Admin,
    },
}

/// How to reach the admin plane.
#[derive(Debug, Clone, Args)]
pub struct Admin {
    /// The admin plane, `http://HOST:PORT` or `unix:PATH` [default: from the config]
    #[arg(long = "admin", value_name = "URL")]
    pub url: Option<String>,
    /// Its bearer token [default: one of the config's, where the URL is the config's too]
    #[arg(long, value_name = "TOKEN", env = "SIDEGATE_ADMIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// How to reach the admin plane, and how to print what it says.
#[derive(Debug, Clone, Args)]
pub struct Ask {
    /// Which gateway.
    #[command(flatten)]
    pub admin: Admin,
    /// How to print it.
    #[command(flatten)]
    pub output: Format,
}

/// `operations`.
#[derive(Debug, Args)]
pub struct Operations {
    /// What of them.
    #[command(subcommand)]
    pub command: OperationsCommand,
}

/// `operations …`.
#[derive(Debug, Subcommand)]
pub enum OperationsCommand {
    /// Operations, newest first
    #[command(after_help = "Examples:
  sidegate operations list
  sidegate operations list --status failed --since 2h
  sidegate operations list --correlation order-4711
  sidegate operations list --format json | jq -r '.items[].id'")]
    List(OperationsList),
    /// One operation with its timeline
    Show {
        /// Its id
        id: String,
        /// Which gateway, and how to print.
        #[command(flatten)]
        ask: Ask,
    },
    /// Cancel an operation that has not ended
    Cancel {
        /// Its id
        id: String,
        /// Which gateway, and how to print.
        #[command(flatten)]
        ask: Ask,
    },
}

/// `operations list`.
#[derive(Debug, Args)]
pub struct OperationsList {
    /// Of this status only: pending, sent, running, parked, succeeded, failed, timed_out, cancelled
    #[arg(long)]
    pub status: Option<Status>,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// With this correlation id only
    #[arg(long, value_name = "ID")]
    pub correlation: Option<String>,
    /// Accepted at or after this time: RFC 3339 (`2026-03-01T12:00:00Z`), or so long ago (`2h`)
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub since: Option<Timestamp>,
    /// How much.
    #[command(flatten)]
    pub page: Page,
    /// Which gateway, and how to print.
    #[command(flatten)]
    pub ask: Ask,
}

/// A part of a list.
#[derive(Debug, Args)]
pub struct Page {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Go on where the page with this cursor ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// `parked`.
#[derive(Debug, Args)]
pub struct Parked {
    /// What of them.
    #[command(subcommand)]
    pub command: ParkedCommand,
}

/// `parked …`.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// Parked messages, newest first
    List {
        /// How much.
        #[command(flatten)]
        page: Page,
        /// Which gateway, and how to print.
        #[command(flatten)]
        ask: Ask,
    },
    /// One parked message: why it is here, its headers and body
    Show(ParkedMessage),
    /// Give a parked message another go
    ///
    /// Where its operation is still open it goes on; where that has ended it becomes a new operation. The service
    /// sees the same Idempotency-Key.
    Redrive(ParkedMessage),
    /// Drop a parked message for good
    Discard(ParkedMessage),
}

/// A parked message by its number.
#[derive(Debug, Args)]
pub struct ParkedMessage {
    /// Its number, as `parked list` shows it
    pub id: u64,
    /// Which gateway, and how to print.
    #[command(flatten)]
    pub ask: Ask,
}
