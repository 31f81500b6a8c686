//! What one contender reached in one round.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::latency::Latency;
use crate::process::usage::Usage;
use crate::stats::{number, ratio};

/// One contender in one round. Times are in microseconds, so that it can be handed from process to process as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    pub(crate) elapsed_us: f64,
    /// CPU time of the measured process, user and system.
    pub(crate) cpu_us: f64,
    /// Its memory at the end.
    pub(crate) rss_kib: u64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Sample {
    pub(crate) fn new(latency: &Latency, elapsed: Duration, before: Usage, after: Usage) -> Self {
        Self {
            requests: latency.count(),
            elapsed_us: micros(elapsed),
            cpu_us: micros(after.cpu.saturating_sub(before.cpu)),
            rss_kib: after.rss_kib,
            p50_us: micros(latency.at(0.50)),
            p99_us: micros(latency.at(0.99)),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        ratio(number(self.requests) * 1e6, self.elapsed_us)
    }

    pub(crate) fn cpu_us_per_request(&self) -> f64 {
        ratio(self.cpu_us, number(self.requests))
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
