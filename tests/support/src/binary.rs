//! The program under test: built once for each test run, and run once for each command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::environment::{prebuilt_binary, workspace_root};

/// What a command said.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `sidegate ARGUMENTS…` in `folder` to its end.
///
/// # Panics
/// When the program cannot be started.
pub async fn sidegate(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(path());
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env_remove("SIDEGATE_CONFIG");
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("the task is not cancelled").expect("`sidegate` can be started");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Output {
    /// The output of a command that must have gone well.
    ///
    /// # Panics
    /// When it did not exit with 0.
    #[must_use]
    pub fn ok(self) -> String {
        self.exits(0).stdout
    }

    /// Asserts the exit code.
    ///
    /// # Panics
    /// When it is another one; shows what the command said.
    #[must_use]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When the command failed or wrote something else.
    #[must_use]
    pub fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}):\n{text}"))
    }
}

/// Where the program is.
///
/// # Panics
/// When it has to be built first and does not build.
#[must_use]
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| prebuilt_binary().unwrap_or_else(build))
}

/// Builds it as every user of the workspace does, and lets cargo say where it is.
fn build() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args([
            "build",
            "--package",
            "sidegate",
            "--bin",
            "sidegate",
            "--message-format",
            "json-render-diagnostics",
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "the gateway does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(executable);
    executable.expect("cargo names the executable that it built")
}

fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}
