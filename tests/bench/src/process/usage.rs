//! What a process used, from `/proc`.

use std::time::Duration;

use anyhow::{Context, Result};
use procfs::process::Process;

/// CPU and memory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time since its start; counted by the system in ticks of 10 ms.
    pub(crate) cpu: Duration,
    /// Memory that is in RAM, in KiB.
    pub(crate) rss_kib: u64,
}

impl Usage {
    /// Of a process.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn of(pid: i32) -> Result<Self> {
        Self::read(&Process::new(pid).context("the process is gone")?)
    }

    /// Of this process.
    ///
    /// # Errors
    /// `/proc` is not there.
    pub(crate) fn of_this_process() -> Result<Self> {
        Self::read(&Process::myself().context("there is no /proc")?)
    }

    fn read(process: &Process) -> Result<Self> {
        let stat = process.stat().context("/proc/PID/stat cannot be read")?;
        let ticks = stat.utime + stat.stime;
        let cpu = Duration::from_millis(ticks * 1_000 / procfs::ticks_per_second());
        let rss_kib = process.status().context("/proc/PID/status cannot be read")?.vmrss;
        Ok(Self { cpu, rss_kib: rss_kib.context("a process that ended has no memory")? })
    }
}
