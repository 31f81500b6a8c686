//! The registry of every number, and how it is written out.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sidegate_store::Stats;

use super::brokers::{BrokerFamilies, BrokerMetrics};
use super::connections::{ConnectionMetrics, ConnectionStats};
use super::consumers::{ConsumerFamilies, ConsumerMetrics};
use super::handles::Handles;
use super::names;
use super::process::ProcessMetrics;
use super::routes::{RouteFamilies, RouteMetrics};

/// Every number of one gateway.
pub struct Metrics {
    registry: Registry,
    routes: Handles<RouteFamilies>,
    consumers: Handles<ConsumerFamilies>,
    brokers: Handles<BrokerFamilies>,
    store: StoreGauges,
    connections: ConnectionMetrics,
    process: ProcessMetrics,
}

/// What is not counted as it happens but asked for when somebody reads the metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scrape {
    /// The store's own numbers.
    pub store: Stats,
    /// The data plane's connections.
    pub connections: ConnectionStats,
}

#[derive(Default)]
struct StoreGauges {
    pending: Gauge,
    parked: Gauge,
    queued: Gauge,
    bytes: Gauge,
}

impl Metrics {
    /// All metrics, at 0.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix(names::PREFIX);
        let routes = Handles::new(RouteFamilies::register(&mut registry));
        let consumers = Handles::new(ConsumerFamilies::register(&mut registry));
        let brokers = Handles::new(BrokerFamilies::register(&mut registry));
        let store = StoreGauges::register(&mut registry);
        let connections = ConnectionMetrics::register(&mut registry);
        let process = ProcessMetrics::register(&mut registry);
        names::BUILD.register(&mut registry, Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Arc::new(Self { registry, routes, consumers, brokers, store, connections, process })
    }

    /// The numbers of a route; the same ones for the same name, over reloads too.
    #[must_use]
    pub fn route(&self, name: &str) -> Arc<RouteMetrics> {
        self.routes.get(name)
    }

    /// The numbers of a consumer.
    #[must_use]
    pub fn consumer(&self, name: &str) -> Arc<ConsumerMetrics> {
        self.consumers.get(name)
    }

    /// The numbers of a broker.
    #[must_use]
    pub fn broker(&self, name: &str) -> Arc<BrokerMetrics> {
        self.brokers.get(name)
    }

    /// Everything as [OpenMetrics text](names::OPENMETRICS).
    #[must_use]
    pub fn encode(&self, scrape: &Scrape) -> String {
        self.store.refresh(&scrape.store);
        self.connections.refresh(&scrape.connections);
        self.process.refresh();
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail, and no metric here has an encoding that does.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl StoreGauges {
    fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        names::PENDING.register(registry, gauges.pending.clone());
        names::SHELF.register(registry, gauges.parked.clone());
        names::QUEUED.register(registry, gauges.queued.clone());
        names::STORE_BYTES.register(registry, gauges.bytes.clone());
        gauges
    }

    fn refresh(&self, stats: &Stats) {
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.pending, stats.pending);
        set(&self.parked, stats.parked);
        set(&self.queued, stats.queued);
        set(&self.bytes, stats.disk_bytes);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sidegate_core::operation::Status;

    use super::{ConnectionStats, Metrics, Scrape};
    use crate::observe::CallResult;
    use crate::observe::names::{self, Kind};

    fn used() -> String {
        let metrics = Metrics::new();
        let route = metrics.route("create-order");
        route.answered(202, 0.000_4);
        route.answered(503, 0.2);
        route.accepted();
        route.refused("pending_full");
        route.ended(Status::TimedOut, 30.0);
        let _held = route.held();
        let consumer = metrics.consumer("create-order");
        consumer.taken(1);
        consumer.taken(2);
        consumer.called(CallResult::TimedOut, 10.0);
        consumer.gate(true);
        let broker = metrics.broker("main");
        broker.published(true, 0.001);
        broker.reply(false);
        broker.state(true);
        broker.waiting("orders", 3);
        drop(route.held());
        let connections =
            ConnectionStats { open: 3, timed_out: vec![("header", 2)], ..ConnectionStats::default() };
        metrics.encode(&Scrape { connections, ..Scrape::default() })
    }

    #[test]
    fn each_number_stands_under_its_labels() {
        let text = used();
        for line in [
            r#"sidegate_requests_total{route="create-order",status="2xx"} 1"#,
            r#"sidegate_requests_total{route="create-order",status="5xx"} 1"#,
            r#"sidegate_requests_total{route="create-order",status="4xx"} 0"#,
            r#"sidegate_request_duration_seconds_bucket{le="0.0005",route="create-order"} 1"#,
            r#"sidegate_requests_refused_total{route="create-order",code="pending_full"} 1"#,
            r#"sidegate_operations_ended_total{route="create-order",status="timed_out"} 1"#,
            r#"sidegate_callers_held{route="create-order"} 1"#,
            r#"sidegate_deliveries_total{consumer="create-order",redelivered="true"} 1"#,
            r#"sidegate_calls_total{consumer="create-order",result="timed_out"} 1"#,
            r#"sidegate_consumer_open{consumer="create-order"} 1"#,
            r#"sidegate_messages_published_total{broker="main",result="failed"} 0"#,
            r#"sidegate_replies_total{broker="main",operation="unknown"} 1"#,
            "sidegate_connections_open 3",
            r#"sidegate_connections_timed_out_total{waiting_for="header"} 2"#,
        ] {
            assert!(text.lines().any(|l| l == line), "`{line}` is missing in:\n{text}");
        }
        assert!(
            text.ends_with("# EOF\n"),
            "OpenMetrics ends with its marker, so that a cut-off scrape is seen"
        );
    }

    #[test]
    fn what_is_exposed_is_exactly_what_is_described() {
        let text = used();
        let exposed: BTreeSet<String> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
        let described: BTreeSet<String> = names::ALL
            .iter()
            .map(|metric| {
                let stem = match metric.kind {
                    Kind::Counter => metric.name.trim_end_matches("_total"),
                    Kind::Info => metric.name.trim_end_matches("_info"),
                    Kind::Gauge | Kind::Histogram => metric.name,
                };
                format!("{}_{stem} {}", names::PREFIX, metric.kind.as_str())
            })
            .collect();
        assert_eq!(
            exposed, described,
            "a metric is registered once and under the name the documentation has"
        );
        assert!(
            text.contains(r#"sidegate_build_info{version=""#),
            "the version is told even before anything happened"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_tells_what_it_costs() {
        let text = used();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("sidegate_{name} ")));
            line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse::<f64>().ok())
        };
        assert!(value("process_resident_memory_bytes") > Some(100_000.0), "a process is in memory");
        assert!(value("process_threads") >= Some(1.0), "a process has a thread");
        assert!(value("process_open_fds") >= Some(3.0), "a process has its three standard streams");
        assert!(value("process_cpu_seconds_total").is_some(), "CPU time is a number of seconds");
    }

    #[test]
    fn the_same_name_counts_on_after_a_reload() {
        let metrics = Metrics::new();
        metrics.route("r").accepted();
        metrics.route("r").accepted();
        assert!(
            metrics.encode(&Scrape::default()).contains(r#"sidegate_operations_accepted_total{route="r"} 2"#),
            "a route built again must not start over"
        );
    }
}
