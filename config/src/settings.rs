//! The config as the gateway uses it: typed, complete, with every default filled in. Nothing here can be wrong:
//! whatever can be, was refused by `validate`.

mod broker;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use sidegate_core::{RetrySchedule, Template};

pub use broker::{Broker, BrokerUrl, Remote};

/// A whole config file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[gateway]`.
    pub gateway: Gateway,
    /// `[store]`.
    pub store: Store,
    /// `[broker.NAME]`, by name; may be empty when no route or consumer needs one.
    pub brokers: BTreeMap<CompactString, Broker>,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<Arc<Route>>,
    /// `[[consumer]]`, in the order of the file.
    pub consumers: Vec<Arc<Consumer>>,
}

/// `[gateway]`.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The service this gateway stands beside.
    pub name: CompactString,
    /// Data plane.
    pub listen: Listen,
    /// Admin plane.
    pub admin: Listen,
    /// How long a stopping gateway waits for what is under way.
    pub drain: Duration,
    /// How long a replica may be silent before the others take over.
    pub lease: Duration,
    /// Bearer tokens of the admin plane; empty: whoever can connect is trusted. Names and secrets.
    pub admin_tokens: BTreeMap<CompactString, Secret>,
    /// `[gateway.limits]`.
    pub limits: Limits,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Listen {
    /// `"HOST:PORT"`: an IP address (a bracketed one for IPv6) and a port; 0 lets the system choose.
    Tcp(std::net::SocketAddr),
    /// `"unix:PATH"`.
    Unix(PathBuf),
}

/// `[gateway.limits]`: every bound of the data plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `body`: what is stored or sent of a request or an answer; beyond it 413.
    pub body_bytes_max: usize,
    /// `head`: request line and headers together; beyond it 431.
    pub head_bytes_max: usize,
    /// `headers`: how many; beyond it 431.
    pub headers_max: usize,
    /// `connections`: open at once; further ones wait in the system's backlog.
    pub connections_max: usize,
    /// `held`: callers held at once; beyond it 503 with Retry-After.
    pub held_max: usize,
    /// `streams`: event streams and long polls open at once; beyond it 503.
    pub streams_max: usize,
    /// `first_byte`: from accept to the first byte.
    pub first_byte_timeout: Duration,
    /// `header`: from the first byte to the end of the headers.
    pub header_timeout: Duration,
    /// `body_idle`: between two pieces of a body.
    pub body_idle_timeout: Duration,
    /// `body_total`: for a whole body that is read into memory.
    pub body_total_timeout: Duration,
    /// `idle`: a keep-alive connection without a request.
    pub idle_timeout: Duration,
    /// `calls`: connections to one local service at once.
    pub calls_max: usize,
    /// `wait`: the longest `Prefer: wait` that is followed.
    pub wait_max: Duration,
}

/// `[store]`.
#[derive(Debug, Clone)]
pub struct Store {
    /// `url`.
    pub url: StoreUrl,
    /// `pending`: accepted and not yet at the broker.
    pub pending_max: u64,
}

/// `[store] url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `"memory:"`: nothing survives.
    Memory,
    /// `"sqlite:PATH"`, found from the config's folder.
    Sqlite(PathBuf),
}

/// `[[route]]`.
#[derive(Debug, Clone)]
pub struct Route {
    /// `name`; default: what `http` says.
    pub name: CompactString,
    /// The method of `http`, upper case.
    pub method: CompactString,
    /// The path of `http`, in matchit's syntax: `/a/{b}/{*rest}`.
    pub path: CompactString,
    /// The name of the `{*rest}` parameter, if there is one.
    pub rest: Option<CompactString>,
    /// What it does.
    pub target: Target,
    /// How the client learns the outcome.
    pub reply: ReplyMode,
    /// The operation's deadline, from acceptance.
    pub timeout: Duration,
    /// With [`ReplyMode::Wait`]: how long a caller is held before 202; `None`: until the deadline, then 504.
    pub hold: Option<Duration>,
    /// Messages of one key keep their order.
    pub key: Option<Template>,
    /// The business's own name of the operation.
    pub correlation: Option<Template>,
    /// What to do with `Idempotency-Key`.
    pub idempotency: IdempotencyMode,
    /// How long an ended operation can be asked about.
    pub retention: Duration,
    /// Request headers that travel besides the default set, lower case.
    pub headers: Vec<CompactString>,
    /// Instead of the gateway's limit; for a held, not durable call `None` streams without bound.
    pub body_bytes_max: Option<usize>,
    /// JSON Schema of the body.
    pub schema: Option<Schema>,
    /// Whether there is a record.
    pub durable: bool,
}

/// A JSON Schema file, read and checked when the config loaded.
#[derive(Debug, Clone)]
pub struct Schema {
    /// As the config names it.
    pub file: PathBuf,
    /// Its content.
    pub document: Arc<serde_json::Value>,
}

/// What a route does.
#[derive(Debug, Clone)]
pub enum Target {
    /// `send`: a command.
    Send {
        /// `[broker.NAME]`.
        broker: CompactString,
        /// Topic, subject or queue.
        destination: Template,
    },
    /// `publish`: an event.
    Publish {
        /// `[broker.NAME]`.
        broker: CompactString,
        /// Topic, subject or queue.
        destination: Template,
    },
    /// `call`: a service, asked directly.
    Call {
        /// Whom and how.
        call: Call,
        /// `retry`, where the call is an operation.
        retry: RetrySchedule,
        /// `fail_on`: the service's definite no.
        fail_on: Vec<u16>,
        /// `call_timeout`: of one attempt.
        call_timeout: Duration,
    },
}

/// `"METHOD http://HOST:PORT/path"`.
#[derive(Debug, Clone)]
pub struct Call {
    /// Upper case, or `{message.method}` in a consumer.
    pub method: Template,
    /// Where to connect: never a template.
    pub authority: Authority,
    /// Path and query, beginning with `/`.
    pub path: Template,
}

/// Scheme, host and port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority {
    /// A name or an address without brackets; for `http+unix` the socket's path.
    pub host: CompactString,
    /// TCP port; 0 for a Unix socket.
    pub port: u16,
    /// Whether `host` is the path of a Unix socket.
    pub unix: bool,
}

/// How the client learns the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// The caller is held.
    Wait,
    /// 202, then the status endpoint.
    Poll,
    /// 202; the operation succeeds when the broker has the message.
    None,
}

/// `idempotency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdempotencyMode {
    /// Followed when sent.
    Optional,
    /// 400 without it.
    Required,
    /// Ignored.
    Off,
}

/// `[[consumer]]`.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// `name`; default: its destination.
    pub name: CompactString,
    /// `[broker.NAME]`.
    pub broker: CompactString,
    /// `receive` or `subscribe`.
    pub source: Source,
    /// What is made of each message.
    pub call: Call,
    /// Calls at once, over all keys.
    pub concurrency: usize,
    /// Of one call.
    pub timeout: Duration,
    /// When to try again.
    pub retry: RetrySchedule,
    /// The service's definite no.
    pub fail_on: Vec<u16>,
    /// What to do when attempts ran out.
    pub exhausted: Exhausted,
    /// When to stop taking messages because the service is not well.
    pub health: Option<HealthCheck>,
    /// When to stop taking messages because calls fail.
    pub breaker: Option<Breaker>,
    /// How long what was executed is remembered; `None`: "off".
    pub inbox: Option<Duration>,
}

/// Where a consumer's messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A command's destination.
    Receive(CompactString),
    /// An event's destination.
    Subscribe(CompactString),
}

impl Source {
    /// Topic, subject or queue.
    #[must_use]
    pub fn destination(&self) -> &str {
        match self {
            Self::Receive(destination) | Self::Subscribe(destination) => destination,
        }
    }
}

/// `exhausted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The operation fails, and the message is parked.
    Fail,
    /// The operation shows as parked until an operator or its deadline ends it.
    Park,
}

/// `health`.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// What is asked; 2xx is well.
    pub call: Call,
    /// How often; also the time limit of one check.
    pub every: Duration,
    /// So many failures in a row are unwell.
    pub failures: u32,
}

/// `breaker`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// So many failures in a row open it.
    pub failures: u32,
    /// For so long.
    pub pause: Duration,
}

/// A text that never shows in logs, errors or `/config`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself; only for comparing and for handing to a client library.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// Whether only this machine can connect.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => match address.ip() {
                IpAddr::V4(ip) => ip.is_loopback(),
                IpAddr::V6(ip) => ip.is_loopback(),
            },
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.unix, self.host.contains(':')) {
            (true, _) => write!(f, "unix:{}", self.host),
            (false, true) => write!(f, "[{}]:{}", self.host, self.port),
            (false, false) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
