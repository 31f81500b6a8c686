//! What this process costs the machine, read when somebody asks. Silent where the system does not tell.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::names;

/// Memory, CPU, file descriptors and threads.
#[derive(Debug, Default)]
pub(super) struct ProcessMetrics {
    resident_bytes: Gauge,
    cpu_seconds: Counter<f64, AtomicU64>,
    open_fds: Gauge,
    threads: Gauge,
}

struct Usage {
    resident_bytes: u64,
    cpu_seconds: f64,
    open_fds: usize,
    threads: i64,
}

impl ProcessMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        names::RESIDENT_BYTES.register(registry, metrics.resident_bytes.clone());
        names::CPU_SECONDS.register(registry, metrics.cpu_seconds.clone());
        names::OPEN_FDS.register(registry, metrics.open_fds.clone());
        names::THREADS.register(registry, metrics.threads.clone());
        metrics
    }

    pub(super) fn refresh(&self) {
        let Some(usage) = usage() else { return };
        self.resident_bytes.set(i64::try_from(usage.resident_bytes).unwrap_or(i64::MAX));
        self.cpu_seconds.inner().store(usage.cpu_seconds.to_bits(), Ordering::Relaxed);
        self.open_fds.set(i64::try_from(usage.open_fds).unwrap_or(i64::MAX));
        self.threads.set(usage.threads);
    }
}

#[cfg(target_os = "linux")]
fn usage() -> Option<Usage> {
    use procfs::WithCurrentSystemInfo as _;
    let process = procfs::process::Process::myself().ok()?;
    let stat = process.stat().ok()?;
    Some(Usage {
        resident_bytes: stat.rss_bytes().get(),
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        open_fds: process.fd_count().ok()?,
        threads: stat.num_threads,
    })
}

#[cfg(not(target_os = "linux"))]
const fn usage() -> Option<Usage> {
    None
}
