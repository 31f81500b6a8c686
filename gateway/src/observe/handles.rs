//! Handles by name: looked up once when a route, consumer or broker is built, then held by it, so that counting
//! is an atomic increment and no lookup.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use parking_lot::RwLock;
use prometheus_client::metrics::family::MetricConstructor;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::names::LATENCY_BUCKETS;

/// The metrics of one kind of thing, from which a handle for one of them is made.
pub(super) trait Families {
    /// The numbers of one route, consumer or broker.
    type Handle;

    /// Makes the handle of `name`; every label value known beforehand shows from now on, at 0.
    fn handle(&self, name: &str) -> Self::Handle;
}

/// Every handle made so far.
pub(super) struct Handles<F: Families> {
    families: F,
    by_name: RwLock<HashMap<CompactString, Arc<F::Handle>>>,
}

impl<F: Families> Handles<F> {
    pub(super) fn new(families: F) -> Self {
        Self { families, by_name: RwLock::default() }
    }

    pub(super) fn get(&self, name: &str) -> Arc<F::Handle> {
        if let Some(handle) = self.by_name.read().get(name) {
            return Arc::clone(handle);
        }
        let mut by_name = self.by_name.write();
        let handle = by_name.entry(name.into()).or_insert_with(|| Arc::new(self.families.handle(name)));
        Arc::clone(handle)
    }
}

/// Counts one thing that is under way; no longer when dropped.
#[derive(Debug)]
#[must_use = "the gauge goes down when this is dropped"]
pub struct Running(Gauge);

impl Running {
    pub(super) fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Makes the histograms of a family, all with the same buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCY_BUCKETS)
    }
}
