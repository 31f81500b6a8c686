//! No server outlives its test process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sidegate_test_brokers::{Missing, available};

const DEADLINE: Duration = Duration::from_secs(10);

/// A process of its own that has started a server.
struct Holder {
    process: Child,
    folder: PathBuf,
}

impl Holder {
    fn of(broker: &str) -> Result<Self, Missing> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate-test-brokers"));
        let process = command.arg(broker).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut holder = Self { process, folder: PathBuf::new() };
        let mut said = String::new();
        let output = holder.process.stdout.take().expect("standard output is piped");
        BufReader::new(output).read_line(&mut said).expect("it tells of its server, or ends");
        let folder = said.split_once("data in ").and_then(|(_, rest)| rest.split_once(')'));
        let Some((folder, _)) = folder else { return Err(Missing(format!("{broker}, as its program says"))) };
        holder.folder = PathBuf::from(folder);
        Ok(holder)
    }

    fn is_killed(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.is_killed();
    }
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}, within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Every process that works in this folder: the server and what it has started.
fn at_work_in(folder: &Path) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let working = processes.filter(|process| {
        std::fs::read_link(process.path().join("cwd")).is_ok_and(|at| at.starts_with(folder))
    });
    working.map(|process| process.path()).collect()
}

fn dies_with_its_process(broker: &str) {
    let Some(mut holder) = available(Holder::of(broker)) else { return };
    assert!(!at_work_in(&holder.folder).is_empty(), "{broker} runs");
    holder.is_killed();
    eventually("all ends with the process that started it", || at_work_in(&holder.folder).is_empty());
    eventually("its folder is removed", || !holder.folder.exists());
}

#[test]
fn a_server_dies_with_the_process_that_started_it_even_by_sigkill() {
    dies_with_its_process("nats");
}

#[test]
fn so_do_the_helpers_of_a_rabbitmq_node() {
    dies_with_its_process("rabbitmq");
}
