//! The registry of every number, and how it is written out.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sidegate_store::Stats;

use super::brokers::{BrokerFamilies, BrokerMetrics};
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
    gauges: ScrapeGauges,
    process: ProcessMetrics,
}

/// What is not counted as it happens but asked for when somebody reads the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scrape {
    /// The store's own numbers.
    pub store: Stats,
    /// Connections open on the data plane.
    pub connections_open: u64,
}

#[derive(Default)]
struct ScrapeGauges {
    pending: Gauge,
    parked: Gauge,
    queued: Gauge,
    store_bytes: Gauge,
    connections: Gauge,
}

impl Metrics {
    /// All metrics, at 0.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix(names::PREFIX);
        let routes = Handles::new(RouteFamilies::register(&mut registry));
        let consumers = Handles::new(ConsumerFamilies::register(&mut registry));
        let brokers = Handles::new(BrokerFamilies::register(&mut registry));
        let gauges = ScrapeGauges::register(&mut registry);
        let process = ProcessMetrics::register(&mut registry);
        names::BUILD.register(&mut registry, Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Arc::new(Self { registry, routes, consumers, brokers, gauges, process })
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
        self.gauges.set(scrape);
        self.process.refresh();
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail, and no metric here has an encoding that does.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl ScrapeGauges {
    fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        names::PENDING.register(registry, gauges.pending.clone());
        names::SHELF.register(registry, gauges.parked.clone());
        names::QUEUED.register(registry, gauges.queued.clone());
        names::STORE_BYTES.register(registry, gauges.store_bytes.clone());
        names::CONNECTIONS.register(registry, gauges.connections.clone());
        gauges
    }

    fn set(&self, scrape: &Scrape) {
        let set = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.pending, scrape.store.pending);
        set(&self.parked, scrape.store.parked);
        set(&self.queued, scrape.store.queued);
        set(&self.store_bytes, scrape.store.disk_bytes);
        set(&self.connections, scrape.connections_open);
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

    use super::{Metrics, Scrape};
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
        drop(route.held());
        metrics.encode(&Scrape { connections_open: 3, ..Scrape::default() })
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
