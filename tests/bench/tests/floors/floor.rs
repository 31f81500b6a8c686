//! A floor as the bench starts it, and what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What runs floors.
const BENCH: &str = env!("CARGO_BIN_EXE_sidegate-bench");

/// A floor's process; killed with its value.
pub(crate) struct Floor {
    process: Child,
    /// Where it listens; empty for one that does not.
    pub(crate) address: String,
}

impl Floor {
    /// One that does not listen.
    pub(crate) fn spawn(arguments: &[&str]) -> Self {
        let process = Command::new(BENCH).args(arguments).spawn();
        let process = process.unwrap_or_else(|error| panic!("the bench cannot be started: {error}"));
        Self { process, address: String::new() }
    }

    /// One that listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(BENCH)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the bench cannot be started: {error}"));
        let mut line = String::new();
        if let Some(stderr) = &mut process.stderr {
            let _ = BufReader::new(stderr).read_line(&mut line);
        }
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        let address =
            line["address"].as_str().unwrap_or_else(|| panic!("it does not tell where it listens: {line}"));
        Self { address: address.to_owned(), process }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it answers to two requests on one connection, the second of which asks for its end.
    pub(crate) fn answers(&self) -> String {
        self.try_answers().unwrap_or_else(|error| panic!("{} does not answer: {error}", self.address))
    }

    pub(crate) fn try_answers(&self) -> std::io::Result<String> {
        let mut socket = TcpStream::connect(&self.address)?;
        let request = "POST / HTTP/1.1\r\nHost: floor\r\nContent-Length: 5\r\n";
        write!(socket, "{request}\r\nhello{request}Connection: close\r\n\r\nhello")?;
        let mut answers = String::new();
        socket.read_to_string(&mut answers)?;
        Ok(answers)
    }
}

/// The sample that a floor tells which runs to its end by itself.
pub(crate) fn told_by(arguments: &[&str]) -> Value {
    let output = Command::new(BENCH).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("the bench cannot be started: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no sample as JSON: {error}: {complaints}"))
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
