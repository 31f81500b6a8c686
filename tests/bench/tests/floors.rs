//! The floors do what the tables say that they do; a floor that did less would be a false measure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A floor's process; killed with its value.
struct Floor {
    process: Child,
    address: String,
}

impl Floor {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sidegate-bench"))
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

    /// What it answers to two requests on one connection, the second of which asks for its end.
    fn answers(&self) -> String {
        self.try_answers().unwrap_or_else(|error| panic!("{} does not answer: {error}", self.address))
    }

    fn try_answers(&self) -> std::io::Result<String> {
        let mut socket = TcpStream::connect(&self.address)?;
        let request = "POST / HTTP/1.1\r\nHost: floor\r\nContent-Length: 5\r\n";
        write!(socket, "{request}\r\nhello{request}Connection: close\r\n\r\nhello")?;
        let mut answers = String::new();
        socket.read_to_string(&mut answers)?;
        Ok(answers)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bodies of two answers of 1 KiB.
fn notes(answers: &str) -> usize {
    answers.matches(r#"{"order_id":"o-000001""#).count()
}

#[test]
fn the_bare_202_answers_202_and_nothing_else() {
    let answers = Floor::start(&["floor-202"]).answers();
    assert_eq!(
        answers.matches("HTTP/1.1 202 Accepted").count(),
        2,
        "both requests of a connection: {answers}"
    );
    assert_eq!(answers.matches("content-length: 0").count(), 2, "without a body: {answers}");
}

#[test]
fn the_backend_answers_with_one_kibibyte() {
    let answers = Floor::start(&["backend"]).answers();
    assert_eq!(answers.matches("content-length: 1024").count(), 2, "{answers}");
    assert_eq!(notes(&answers), 2, "{answers}");
}

#[test]
fn the_bare_proxy_brings_the_answers_of_its_backend() {
    let backend = Floor::start(&["backend"]);
    let proxy = Floor::start(&["floor-proxy", "--backend", &backend.address]);
    let answers = proxy.answers();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(notes(&answers), 2, "the bodies are the backend's: {answers}");
    assert_eq!(notes(&proxy.answers()), 2, "a client that closes does not break the kept connection");

    drop(backend);
    let answers = proxy.try_answers().unwrap_or_default();
    assert!(!answers.contains("200 OK"), "without its backend it has nothing to say: {answers}");
}

#[test]
fn the_bare_rows_tell_their_own_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_sidegate-bench"))
        .args(["floor-sqlite", "--milliseconds", "50", "--clients", "8", "--folder"])
        .arg(folder.path())
        .output()
        .expect("the bench can be started");
    let sample: Value = serde_json::from_slice(&output.stdout).expect("a sample as JSON");
    assert!(sample["requests"].as_u64() >= Some(8), "every client's first row was committed: {sample}");
}
