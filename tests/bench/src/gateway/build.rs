//! Builds the gateway as users build it, and lets cargo say where it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The release binary, built now if it was not.
///
/// # Errors
/// It does not build.
pub(crate) fn build(workspace: &Path) -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace)
        .args(["build", "--release", "--package", "sidegate", "--bin", "sidegate"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be started")?;
    ensure!(output.status.success(), "the gateway does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().rev().find_map(executable).context("cargo does not say which executable it built")
}

fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}
