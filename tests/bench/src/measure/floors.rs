//! Floors as processes of their own: this program, started again.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::process::Command;

use super::Bench;
use super::sample::Sample;
use crate::process::Process;

/// A floor that listens.
pub(crate) struct Floor {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Bench<'_> {
    /// A floor that serves HTTP, in front of another one.
    pub(crate) async fn floor(&self, name: &'static str, backend: Option<&Floor>) -> Result<Floor> {
        self.floor_of(name, backend.map(|backend| format!("--backend={}", backend.address))).await
    }

    /// A floor that serves HTTP.
    pub(crate) async fn floor_of(
        &self,
        name: &'static str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Floor> {
        let mut process = self.start_floor(name, arguments)?;
        let address = process.address("data").await?;
        Ok(Floor { process, address })
    }

    /// A floor that does not listen.
    pub(crate) fn start_floor(
        &self,
        name: &'static str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Process> {
        Process::start(name, self.command(name, arguments))
    }

    /// The sample of a floor that runs to its end by itself.
    pub(crate) async fn told_by(
        &self,
        name: &'static str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Sample> {
        let mut command = self.command(name, arguments);
        let output = command.stderr(Stdio::inherit()).kill_on_drop(true).output().await;
        let output = output.with_context(|| format!("{name} cannot be started"))?;
        ensure!(output.status.success(), "{name} failed");
        serde_json::from_slice(&output.stdout).with_context(|| format!("{name} did not tell its sample"))
    }

    fn command(&self, name: &str, arguments: impl IntoIterator<Item = String>) -> Command {
        let mut command = Command::new(&self.this);
        command.arg(name).args(arguments);
        command
    }
}

impl Floor {
    /// One sample of it.
    pub(crate) async fn sample(self, bench: &Bench<'_>, request: Bytes, expected: u16) -> Result<Sample> {
        let load = bench.load(self.address, vec![request], expected);
        let sample = bench.sample(&load, || self.process.usage()).await?;
        self.process.stop().await?;
        Ok(sample)
    }

    pub(crate) fn into_process(self) -> Process {
        self.process
    }
}
