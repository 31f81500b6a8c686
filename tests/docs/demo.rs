//! A running `sidegate demo`, on ports that the system chose, so that tests never meet.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The ports of the documents, in the order in which the demo prints its own.
const DOCUMENTED: [&str; 8] = [
    "127.0.0.1:8080",
    "127.0.0.1:8081",
    "127.0.0.1:3001",
    "127.0.0.1:8082",
    "127.0.0.1:8083",
    "127.0.0.1:3002",
    "127.0.0.1:8084",
    "127.0.0.1:8085",
];
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The process; it ends with this value.
pub(crate) struct Demo {
    process: Child,
    /// Where it listens, in the order of [`DOCUMENTED`].
    addresses: Vec<String>,
    /// Kept open: a demo that cannot print ends.
    _output: BufReader<ChildStdout>,
}

impl Demo {
    /// Starts one and reads where everything listens.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(sidegate_tests::program());
        command.args(["demo", "--any-port", "--log", "warn"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("`sidegate demo` can be started");
        let mut output = BufReader::new(process.stdout.take().expect("standard output is piped"));
        let addresses = addresses(&mut output);
        assert_eq!(
            addresses.len(),
            DOCUMENTED.len(),
            "the demo prints where everything listens: {addresses:?}"
        );
        Self { process, addresses, _output: output }
    }

    /// Runs a script in `folder`; what it printed, with the documented ports.
    pub(crate) fn bash(&self, script: &str, folder: &Path) -> String {
        let mut command = Command::new("bash");
        let output =
            command.args(["-c", &self.at_home(script)]).current_dir(folder).stdin(Stdio::null()).output();
        let output = output.expect("bash can be started");
        let printed = [output.stdout, output.stderr].concat();
        self.as_documented(&String::from_utf8_lossy(&printed))
    }

    fn at_home(&self, text: &str) -> String {
        DOCUMENTED
            .iter()
            .zip(&self.addresses)
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn as_documented(&self, text: &str) -> String {
        DOCUMENTED
            .iter()
            .zip(&self.addresses)
            .fold(text.to_owned(), |text, (to, from)| text.replace(from, to))
    }
}

/// Every `HOST:PORT` up to the empty line before the lines to try.
fn addresses(output: &mut BufReader<ChildStdout>) -> Vec<String> {
    let mut found = Vec::new();
    let mut line = String::new();
    while !line.starts_with("Try") {
        line.clear();
        let bytes = output.read_line(&mut line).expect("the demo's output can be read");
        assert!(bytes > 0, "the demo ended before it was ready: see its standard error");
        found.extend(line.match_indices("127.0.0.1:").map(|(at, _)| address(&line[at..])));
    }
    found
}

fn address(text: &str) -> String {
    text.chars().take_while(|char| char.is_ascii_digit() || matches!(char, '.' | ':')).collect()
}

impl Drop for Demo {
    /// As Ctrl-C does, so that its folder goes too.
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id");
        let _ = kill_process(pid, Signal::INT);
        let until = Instant::now() + STOP_TIMEOUT;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
