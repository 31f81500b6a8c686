//! Processes that are measured: started, listened to, stopped. Never outlive their value.

pub(crate) mod usage;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStderr, Command};
use tokio::sync::watch;

use usage::Usage;

/// How long a process may take to listen, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// The end of its log, for when something goes wrong.
const LINES_MAX: usize = 20;

/// Where a process listens, by plane.
type Addresses = BTreeMap<String, SocketAddr>;

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: tokio::process::Child,
    addresses: watch::Receiver<Addresses>,
    log: Rc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// Starts a process whose log on standard error tells where it listens. Must be called within a `LocalSet`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let (tell, addresses) = watch::channel(Addresses::new());
        let log = Rc::default();
        if let Some(stderr) = child.stderr.take() {
            tokio::task::spawn_local(listen(stderr, tell, Rc::clone(&log)));
        }
        Ok(Self { name, child, addresses, log })
    }

    /// Where it listens on a plane; waits until it does.
    ///
    /// # Errors
    /// It ends, or does not listen in time.
    pub(crate) async fn address(&mut self, plane: &str) -> Result<SocketAddr> {
        let told = self.addresses.wait_for(|addresses| addresses.contains_key(plane));
        let address = match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(addresses)) => addresses.get(plane).copied(),
            _ => None,
        };
        address.with_context(|| format!("{} does not listen (plane `{plane}`):\n{}", self.name, self.log()))
    }

    /// Its number in the system.
    ///
    /// # Errors
    /// It ended.
    pub(crate) fn id(&self) -> Result<i32> {
        Ok(self.pid()?.as_raw_nonzero().get())
    }

    /// What it used so far.
    ///
    /// # Errors
    /// It ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.id()?).with_context(|| format!("{} ended early:\n{}", self.name, self.log()))
    }

    /// Asks it to stop and waits until it did.
    ///
    /// # Errors
    /// It does not stop.
    pub(crate) async fn stop(mut self) -> Result<()> {
        kill_process(self.pid()?, Signal::TERM).with_context(|| format!("{} ended early", self.name))?;
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(ended) => ended.map(drop).with_context(|| format!("{} cannot be waited for", self.name)),
            Err(_) => bail!("{} does not stop:\n{}", self.name, self.log()),
        }
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        self.log.lock().iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn pid(&self) -> Result<Pid> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        pid.with_context(|| format!("{} ended early:\n{}", self.name, self.log()))
    }
}

/// Reads the log to its end, so that the process never blocks on it.
async fn listen(stderr: ChildStderr, tell: watch::Sender<Addresses>, log: Rc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((plane, address)) = listening(&line) {
            tell.send_modify(|addresses| {
                addresses.insert(plane, address);
            });
        }
        let mut log = log.lock();
        log.push_back(line);
        if log.len() > LINES_MAX {
            log.pop_front();
        }
    }
}

fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    Some((line["plane"].as_str()?.to_owned(), line["address"].as_str()?.parse().ok()?))
}
