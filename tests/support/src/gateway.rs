//! A gateway as an operator has it: a process that can be stopped, killed, started again, and looked at.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::binary::{Output, sidegate};
use crate::eventually::{DEADLINE, eventually};
use crate::logs::Logs;
use crate::process::{Exit, Process};
use crate::setup::{Addresses, Setup};
use crate::{Client, Service};

/// A running gateway; its process ends with this value, and its log is shown when the test fails.
pub struct Gateway {
    setup: Setup,
    logs: Logs,
    process: Process,
    addresses: Addresses,
    /// What the config file says, which may leave the choice to the system.
    configured: Addresses,
}

impl Gateway {
    /// Starts a gateway with these routes and consumers.
    pub async fn start(toml: &str) -> Self {
        Setup::new(toml).start().await
    }

    /// Starts a gateway beside a service: `http://service` in the config means it.
    pub async fn beside(service: &Service, toml: &str) -> Self {
        Setup::new(toml).beside(service).start().await
    }

    pub(crate) async fn new(setup: Setup) -> Self {
        setup.write(Addresses::FREE);
        let logs = Logs::default();
        let mut process = Process::start(setup.command(), setup.is_wrapped(), &logs);
        let addresses = started(ready(&mut process, &logs, 0).await, &logs);
        Self { setup, logs, process, addresses, configured: Addresses::FREE }
    }

    /// A client of the data plane.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.addresses.data)
    }

    /// A client of the admin plane.
    #[must_use]
    pub fn admin(&self) -> Client {
        Client::new(self.addresses.admin)
    }

    /// Where the data plane listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.addresses.data
    }

    /// The folder of config and store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.setup.folder()
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder().join("sidegate.db")
    }

    /// SIGKILL: no chance to say goodbye to anything.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, and waits for the drain to end.
    pub async fn stop(&mut self) -> Exit {
        self.terminate();
        self.process.ended(DEADLINE).await
    }

    /// SIGTERM, and does not wait.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// SIGHUP: read the config again.
    pub fn hang_up(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Waits until the process ends by itself.
    pub async fn ended(&mut self, deadline: Duration) -> Exit {
        self.process.ended(deadline).await
    }

    /// Whether the process runs.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.process.has_ended().is_none()
    }

    /// Starts again after a stop or a kill: the same config, store and ports.
    pub async fn restart(&mut self) {
        let ready = self.tried_to_restart().await;
        started(ready, &self.logs);
    }

    /// Starts again wrapped in a command that may end the gateway at any moment; whether it became ready.
    pub async fn restart_wrapped_in(&mut self, command: &[&str]) -> bool {
        self.setup.wrap(command);
        self.tried_to_restart().await.is_ok()
    }

    async fn tried_to_restart(&mut self) -> Result<Addresses, Exit> {
        assert!(!self.is_running(), "only a gateway that ended is started again");
        self.configured = self.addresses;
        self.setup.write(self.configured);
        let from = self.logs.len();
        self.process = Process::start(self.setup.command(), self.setup.is_wrapped(), &self.logs);
        ready(&mut self.process, &self.logs, from).await
    }

    /// The same without what it was wrapped in: the fault is over.
    pub async fn restart_unwrapped(&mut self) {
        self.setup.wrap(&[]);
        self.restart().await;
    }

    /// Replaces the routes and consumers in the config file, as editors do: the gateway can notice by itself.
    pub fn rewrite(&mut self, toml: &str) {
        self.setup.set_routes(toml);
        self.setup.write(self.configured);
    }

    /// Runs `sidegate ARGUMENTS… --admin URL`: a command that asks this gateway.
    pub async fn operate(&self, arguments: &[&str]) -> Output {
        let admin = format!("http://{}", self.addresses.admin);
        let words: Vec<&str> = arguments.iter().copied().chain(["--admin", &admin]).collect();
        sidegate(self.folder(), &words).await
    }

    /// Memory of the process in RAM, in bytes.
    ///
    /// # Panics
    /// When the process does not run.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB");
        kib * 1024
    }

    /// File descriptors that the process holds.
    ///
    /// # Panics
    /// When the process does not run.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).expect("it runs").count()
    }

    /// Waits for a log line whose message contains `text`.
    pub async fn logs(&self, text: &str) -> Value {
        let says = |entry: &Value| entry["message"].as_str().is_some_and(|message| message.contains(text));
        let what = format!("the log says `{text}`");
        eventually(DEADLINE, &what, async || self.logs.entries(0).into_iter().find(says)).await
    }

    /// Writes something else in place of the config file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn spoil(&self, config: &str) {
        std::fs::write(self.setup.config(), config).expect("a file can be written into the folder");
    }

    /// Everything that was written so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.logs.text()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the gateway's log:\n{}\n---", self.logs.tail(60));
        }
    }
}

/// Waits for both addresses in the log, then for `/ready`.
async fn ready(process: &mut Process, logs: &Logs, from: usize) -> Result<Addresses, Exit> {
    eventually(DEADLINE, "the gateway is ready", async || {
        if let Some(exit) = process.has_ended() {
            return Some(Err(exit));
        }
        let entries = logs.entries(from);
        let found = Addresses { data: listening(&entries, "data")?, admin: listening(&entries, "admin")? };
        let answer = Client::new(found.admin).get("/ready").tried().await;
        answer.is_ok_and(|answer| answer.status == 200).then_some(Ok(found))
    })
    .await
}

fn started(ready: Result<Addresses, Exit>, logs: &Logs) -> Addresses {
    ready.unwrap_or_else(|exit| panic!("the gateway ended at its start with {exit:?}:\n{}", logs.text()))
}

fn listening(entries: &[Value], plane: &str) -> Option<SocketAddr> {
    let entry = entries.iter().find(|entry| entry["message"] == "listening" && entry["plane"] == plane)?;
    entry["address"].as_str()?.parse().ok()
}
