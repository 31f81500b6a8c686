//! One run of the gateway's process: its start, its signals, its end. Never outlives its value.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually::eventually;
use crate::logs::Logs;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
}

pub(crate) struct Process {
    child: Child,
    /// What stands before the gateway's command, if anything: a tracer that reports what it starts as a child.
    wrapped: bool,
}

impl Process {
    pub(crate) fn start(mut command: Command, wrapped: bool, logs: &Logs) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        logs.collect(child.stderr.take().expect("standard error is piped"));
        logs.collect(child.stdout.take().expect("standard output is piped"));
        Self { child, wrapped }
    }

    /// The gateway's own process id, also behind a tracer.
    pub(crate) fn id(&self) -> u32 {
        let id = self.child.id();
        if self.wrapped { children(id).first().copied().unwrap_or(id) } else { id }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id");
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }

    pub(crate) fn has_ended(&mut self) -> Option<Exit> {
        self.child.try_wait().expect("a child can be waited for").map(Exit::from)
    }

    pub(crate) async fn ended(&mut self, deadline: Duration) -> Exit {
        eventually(deadline, "the gateway's process ends", async || self.has_ended()).await
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code() }
    }
}

/// The processes that process `id` started and that still run.
#[must_use]
pub fn children(id: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}
