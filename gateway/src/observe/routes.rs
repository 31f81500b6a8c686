//! The numbers of a route, and of the operations that began at it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sidegate_core::operation::Status;

use super::handles::{Families, Latency, Running};
use super::names;

const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const ENDS: [Status; 4] = [Status::Succeeded, Status::Failed, Status::TimedOut, Status::Cancelled];

/// The numbers of one route.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: [Counter; STATUS_CLASSES.len()],
    request_seconds: Histogram,
    refused: Family<RefusedLabels, Counter>,
    held: Gauge,
    accepted: Counter,
    ended: [Counter; ENDS.len()],
    operation_seconds: Histogram,
    route: String,
}

/// The families that the routes share.
pub(super) struct RouteFamilies {
    requests: Family<StatusLabels, Counter>,
    request_seconds: Family<RouteLabel, Histogram, Latency>,
    refused: Family<RefusedLabels, Counter>,
    held: Family<RouteLabel, Gauge>,
    accepted: Family<RouteLabel, Counter>,
    ended: Family<StatusLabels, Counter>,
    operation_seconds: Family<RouteLabel, Histogram, Latency>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    route: String,
    code: &'static str,
}

impl RouteMetrics {
    /// A request was answered with `status`, `seconds` after its headers came.
    pub fn answered(&self, status: u16, seconds: f64) {
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len());
        self.requests[class - 1].inc();
        self.request_seconds.observe(seconds);
    }

    /// A new operation was stored.
    pub fn accepted(&self) {
        self.accepted.inc();
    }

    /// The gateway refused a request; `code` is a problem's.
    pub fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&RefusedLabels { route: self.route.clone(), code }).inc();
    }

    /// An operation reached its outcome, `seconds` after it was accepted. Anything but an end is ignored.
    pub fn ended(&self, status: Status, seconds: f64) {
        if let Some(at) = ENDS.iter().position(|end| *end == status) {
            self.ended[at].inc();
            self.operation_seconds.observe(seconds);
        }
    }

    /// A caller is held for as long as the returned value lives.
    pub fn held(&self) -> Running {
        Running::of(&self.held)
    }
}

impl RouteFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(Latency),
            refused: Family::default(),
            held: Family::default(),
            accepted: Family::default(),
            ended: Family::default(),
            operation_seconds: Family::new_with_constructor(Latency),
        };
        names::REQUESTS.register(registry, families.requests.clone());
        names::REQUEST_SECONDS.register(registry, families.request_seconds.clone());
        names::REFUSED.register(registry, families.refused.clone());
        names::HELD.register(registry, families.held.clone());
        names::ACCEPTED.register(registry, families.accepted.clone());
        names::ENDED.register(registry, families.ended.clone());
        names::OPERATION_SECONDS.register(registry, families.operation_seconds.clone());
        families
    }
}

impl Families for RouteFamilies {
    type Handle = RouteMetrics;

    fn handle(&self, name: &str) -> RouteMetrics {
        let route = name.to_owned();
        let label = RouteLabel { route: route.clone() };
        let with_status = |status| StatusLabels { route: route.clone(), status };
        RouteMetrics {
            requests: STATUS_CLASSES.map(|class| self.requests.get_or_create_owned(&with_status(class))),
            request_seconds: self.request_seconds.get_or_create_owned(&label),
            refused: self.refused.clone(),
            held: self.held.get_or_create_owned(&label),
            accepted: self.accepted.get_or_create_owned(&label),
            ended: ENDS.map(|end| self.ended.get_or_create_owned(&with_status(end.as_str()))),
            operation_seconds: self.operation_seconds.get_or_create_owned(&label),
            route,
        }
    }
}
