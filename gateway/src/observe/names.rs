//! Every metric by name, kind, labels and meaning: what `/metrics` shows, what the documentation lists, and what
//! dashboards and alerts depend on. A name that stands here stays.

use prometheus_client::registry::{Metric, Registry, Unit};

/// Before every name.
pub const PREFIX: &str = "sidegate";

/// The media type of what [`Metrics::encode`](super::Metrics::encode) writes.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of every latency histogram, in seconds.
pub const LATENCY_BUCKETS: [f64; 16] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// One metric as it is described to people and to the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// The whole name of its sample, or of its histogram, without the prefix.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says; without a full stop, the format adds one.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; starts at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Latencies in [`LATENCY_BUCKETS`].
    Histogram,
    /// Always 1; the labels tell.
    Info,
}

macro_rules! described {
    ($($name:ident = $kind:ident $text:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $name: Described =
                Described { name: $text, kind: Kind::$kind, labels: &[$($label),*], help: $help };
        )*

        /// Every metric, in the order of the documentation.
        pub const ALL: &[Described] = &[$($name),*];
    };
}

described! {
    REQUESTS = Counter "requests_total" ["route", "status"]
        "Requests answered by the data plane, by route and class of the status (2xx)";
    REQUEST_SECONDS = Histogram "request_duration_seconds" ["route"]
        "Time from a request's headers to its answer's headers, holding included";
    REFUSED = Counter "requests_refused_total" ["route", "code"]
        "Requests that the gateway itself refused, by the code of the problem";
    HELD = Gauge "callers_held" ["route"]
        "Callers held at this moment until their outcome is known";
    ACCEPTED = Counter "operations_accepted_total" ["route"]
        "Operations stored for the first time; repeats with the same Idempotency-Key are not counted";
    ENDED = Counter "operations_ended_total" ["route", "status"]
        "Operations that reached their outcome, by outcome";
    OPERATION_SECONDS = Histogram "operation_duration_seconds" ["route"]
        "Time from an operation's acceptance to its recorded outcome";
    DELIVERIES = Counter "deliveries_total" ["consumer", "redelivered"]
        "Messages taken from the broker, and whether it was the first time";
    CALLS = Counter "calls_total" ["consumer", "result"]
        "Calls made to the local service, by what they came to";
    CALL_SECONDS = Histogram "call_duration_seconds" ["consumer"]
        "Time of one call to the local service";
    FROM_INBOX = Counter "deliveries_answered_from_inbox_total" ["consumer"]
        "Redeliveries answered with the remembered answer, without a call";
    EXPIRED = Counter "deliveries_expired_total" ["consumer"]
        "Messages past their deadline, answered as timed out without a call";
    PARKED = Counter "deliveries_parked_total" ["consumer"]
        "Messages set aside for an operator after their attempts ran out";
    IN_FLIGHT = Gauge "deliveries_in_flight" ["consumer"]
        "Messages taken and not yet settled";
    GATE = Gauge "consumer_open" ["consumer"]
        "Whether the consumer takes messages (1), or its health check or breaker stops it (0)";
    PUBLISHED = Counter "messages_published_total" ["broker", "result"]
        "Messages handed to the broker, by whether it took responsibility (ok) or not (failed)";
    PUBLISH_SECONDS = Histogram "publish_duration_seconds" ["broker"]
        "Time until the broker took responsibility for a message, or refused it";
    REPLIES = Counter "replies_total" ["broker", "operation"]
        "Replies received, by whether their operation is known or unknown here";
    BROKER_UP = Gauge "broker_up" ["broker"]
        "Whether the broker can be reached (1) or not (0)";
    RECONNECTS = Gauge "broker_reconnects" ["broker"]
        "How often the connection to the broker was made again since the start";
    UNCONFIRMED = Gauge "broker_unconfirmed_messages" ["broker"]
        "Messages handed to the broker that it has not confirmed yet";
    WAITING = Gauge "broker_waiting_messages" ["broker", "destination"]
        "Messages that wait at the broker for this gateway's consumers and replies, where the broker tells";
    PENDING = Gauge "operations_pending" []
        "Operations accepted and not yet at their broker or service";
    SHELF = Gauge "messages_parked" []
        "Parked messages that wait for an operator";
    QUEUED = Gauge "messages_queued" []
        "Messages in the queues of the embedded broker";
    STORE_BYTES = Gauge "store_size_bytes" []
        "Size of the store on disk, its log included";
    CONNECTIONS = Gauge "connections_open" []
        "Connections open on the data plane";
    CONNECTIONS_ACCEPTED = Counter "connections_accepted_total" []
        "Connections accepted on the data plane";
    CONNECTIONS_REFUSED = Counter "connections_refused_total" []
        "Connections closed because what they sent is not HTTP, or its headers are too large";
    CONNECTIONS_TIMED_OUT = Counter "connections_timed_out_total" ["waiting_for"]
        "Connections closed because the client took too long: first_byte, header, idle or write";
    ACCEPT_ERRORS = Counter "accept_errors_total" []
        "Failures to accept a connection, such as too many open files";
    PANICS = Counter "handler_panics_total" []
        "Requests answered with 500 because the gateway's own code panicked: each is a bug";
    RESIDENT_BYTES = Gauge "process_resident_memory_bytes" []
        "Memory of this process that is in RAM (Linux only)";
    CPU_SECONDS = Counter "process_cpu_seconds_total" []
        "CPU time of this process, user and system (Linux only)";
    OPEN_FDS = Gauge "process_open_fds" []
        "File descriptors that this process holds (Linux only)";
    THREADS = Gauge "process_threads" []
        "Threads of this process (Linux only)";
    BUILD = Info "build_info" ["version"]
        "The version that is running";
}

impl Kind {
    /// The word in the documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

impl Described {
    /// Registers `metric` under this name. The registry wants the name without what it adds by itself.
    pub(super) fn register(self, registry: &mut Registry, metric: impl Metric) {
        let (stem, unit) = self.stem_and_unit();
        match unit {
            Some(unit) => registry.register_with_unit(stem, self.help, unit, metric),
            None => registry.register(stem, self.help, metric),
        }
    }

    fn stem_and_unit(&self) -> (&'static str, Option<Unit>) {
        let stem = match self.kind {
            Kind::Counter => self.name.strip_suffix("_total"),
            Kind::Info => self.name.strip_suffix("_info"),
            Kind::Gauge | Kind::Histogram => None,
        };
        let stem = stem.unwrap_or(self.name);
        let without = |unit: Unit| Some((stem.strip_suffix(unit.as_str())?.strip_suffix('_')?, Some(unit)));
        without(Unit::Seconds).or_else(|| without(Unit::Bytes)).unwrap_or((stem, None))
    }
}
