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
    /// By the measured process.
    pub(crate) used: Used,
    /// By the process that answers the measured one, where two make a pair.
    pub(crate) partner: Option<Used>,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// What a process used while it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// CPU time, user and system.
    pub(crate) cpu_us: f64,
    /// Its memory at the end.
    pub(crate) rss_kib: u64,
}

impl Sample {
    pub(crate) fn new(latency: &Latency, elapsed: Duration, before: Usage, after: Usage) -> Self {
        Self {
            requests: latency.count(),
            elapsed_us: micros(elapsed),
            used: Used::between(before, after),
            partner: None,
            p50_us: micros(latency.at(0.50)),
            p99_us: micros(latency.at(0.99)),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        ratio(number(self.requests) * 1e6, self.elapsed_us)
    }

    /// What the second process of a pair used; nothing where there is only one.
    pub(crate) fn partner(&self) -> Used {
        self.partner.unwrap_or(Used { cpu_us: 0.0, rss_kib: 0 })
    }

    pub(crate) fn cpu_us_per_request(&self, used: Used) -> f64 {
        ratio(used.cpu_us, number(self.requests))
    }

    /// Thousandths of a core.
    pub(crate) fn millicores(&self, used: Used) -> f64 {
        ratio(used.cpu_us * 1e3, self.elapsed_us)
    }
}

impl Used {
    pub(crate) fn between(before: Usage, after: Usage) -> Self {
        Self { cpu_us: micros(after.cpu.saturating_sub(before.cpu)), rss_kib: after.rss_kib }
    }

    pub(crate) fn rss_mib(self) -> f64 {
        number(self.rss_kib) / 1024.0
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
