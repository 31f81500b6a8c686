//! One run of a server's processes, and the guard that ends them when the test process is gone.
//!
//! ```text
//! test process ──pipe──→ gate: `sh` that becomes the server once it is told to; leader of a process group
//!      └─────────pipe──→ guard: `sh` that kills that group and removes the folder at the pipe's end
//! ```
//!
//! The gate is opened after the guard stands, so at no moment can the test process die and leave a server behind. A
//! death signal (`PR_SET_PDEATHSIG`) was rejected: it comes when the starting *thread* ends, and needs unsafe code.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::environment::search_path;
use crate::log::Log;
use crate::plan::Plan;

const GATE: &str = r#"read -r go && exec "$@" </dev/null"#;
/// A word on the pipe says that the group is gone; the pipe's end without one, that the test process is.
const GUARD: &str = r#"read -r gone || { kill -s KILL -- "-$1"; rm -rf -- "$2"; }"#;

/// The kernel stops a process within microseconds.
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Run {
    server: Child,
    guard: Child,
    log: Log,
}

impl Run {
    pub(crate) fn start(plan: &Plan, log: Log) -> Self {
        let mut server = gate(plan, &log);
        let guard = guard(server.id(), plan.home.path());
        let mut gate = server.stdin.take().expect("standard input is piped");
        gate.write_all(b"go\n").expect("the gate reads");
        Self { server, guard, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(None))
    }

    /// To the server alone: those it has started must not end before it in a graceful end.
    pub(crate) fn terminate(&self) {
        // It may have ended by itself.
        let _ = kill_process(self.pid(), Signal::TERM);
    }

    /// Stops the server and everything it has started; returns when no thread of it runs any more.
    pub(crate) fn pause(&self) {
        self.signal_all(Signal::STOP);
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let deadline = Instant::now() + PAUSE;
        while !matches!(waitid(WaitId::Pid(self.pid()), stopped), Ok(Some(_))) {
            assert!(Instant::now() < deadline, "a stopped process stops");
            std::thread::yield_now();
        }
    }

    pub(crate) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        // They may have ended by themselves.
        let _ = kill_process_group(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Before the process is waited for: until then nobody else can be given its id.
        self.signal_all(Signal::KILL);
        let _ = self.server.wait();
        if let Some(mut guard) = self.guard.stdin.take() {
            let _ = guard.write_all(b"gone\n");
        }
        let _ = self.guard.wait();
    }
}

fn gate(plan: &Plan, log: &Log) -> Child {
    let output = File::create(log.path()).expect("a log in the server's folder");
    let errors = output.try_clone().expect("a file can be written from two sides");
    let mut command = shell(GATE);
    command.arg(&plan.program).args(&plan.arguments).current_dir(plan.home.path());
    command.env_clear().envs(variables(plan)).stdout(output).stderr(errors);
    command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", plan.name))
}

fn guard(group: u32, folder: &Path) -> Child {
    let mut command = shell(GUARD);
    command.arg(group.to_string()).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a guard can be started")
}

/// A shell in a process group of its own, so that a Ctrl-C at the terminal does not reach it.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sidegate-test-brokers"]).stdin(Stdio::piped()).process_group(0);
    command
}

/// All that programs of a server get to know of the environment.
pub(crate) fn variables(plan: &Plan) -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let always =
        [("PATH", search_path().into()), ("HOME", plan.home.path().into()), ("LANG", "C.UTF-8".into())];
    always.into_iter().chain(plan.variables.iter().map(|(name, value)| (*name, value.clone())))
}
