//! The numbers of the data plane's connections. They are counted where connections are kept, and copied here when
//! somebody reads the metrics.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::names;

/// What the data plane counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// Open now.
    pub open: u64,
    /// Accepted.
    pub accepted: u64,
    /// Closed for what they sent.
    pub refused: u64,
    /// Failures to accept.
    pub accept_errors: u64,
    /// Requests whose handler panicked.
    pub panics: u64,
    /// Closed for being slow, by what was waited for.
    pub timed_out: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct ConnectionMetrics {
    open: Gauge,
    accepted: Counter,
    refused: Counter,
    accept_errors: Counter,
    panics: Counter,
    timed_out: Family<WaitingFor, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitingFor {
    waiting_for: &'static str,
}

impl ConnectionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        names::CONNECTIONS.register(registry, metrics.open.clone());
        names::CONNECTIONS_ACCEPTED.register(registry, metrics.accepted.clone());
        names::CONNECTIONS_REFUSED.register(registry, metrics.refused.clone());
        names::CONNECTIONS_TIMED_OUT.register(registry, metrics.timed_out.clone());
        names::ACCEPT_ERRORS.register(registry, metrics.accept_errors.clone());
        names::PANICS.register(registry, metrics.panics.clone());
        metrics
    }

    pub(super) fn refresh(&self, stats: &ConnectionStats) {
        let set = |counter: &Counter, value: u64| counter.inner().store(value, Ordering::Relaxed);
        self.open.set(i64::try_from(stats.open).unwrap_or(i64::MAX));
        set(&self.accepted, stats.accepted);
        set(&self.refused, stats.refused);
        set(&self.accept_errors, stats.accept_errors);
        set(&self.panics, stats.panics);
        for &(waiting_for, count) in &stats.timed_out {
            set(&self.timed_out.get_or_create(&WaitingFor { waiting_for }), count);
        }
    }
}
