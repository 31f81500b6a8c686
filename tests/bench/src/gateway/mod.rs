//! The gateway under measurement: the real binary, as users build and start it.

mod admin;
mod build;
pub(crate) mod config;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::process::Process;
use crate::process::usage::Usage;

pub(crate) use admin::{Admin, Operations};
pub(crate) use build::build;

/// A running gateway that said it is ready.
#[derive(Debug)]
pub(crate) struct Gateway {
    process: Process,
    /// Where its data plane listens.
    pub(crate) data: SocketAddr,
    pub(crate) admin: Admin,
    /// From the start of its process to the first `/ready` that was answered 200.
    pub(crate) ready_after: Duration,
}

impl Gateway {
    /// Starts `binary` with this config on the store in `folder`, which is made when it is absent.
    ///
    /// # Errors
    /// It does not get ready.
    pub(crate) async fn start(binary: &Path, folder: &Path, toml: &str) -> Result<Self> {
        let config = folder.join("sidegate.toml");
        std::fs::write(&config, toml).context("the gateway's config cannot be written")?;
        let mut command = Command::new(binary);
        command.current_dir(folder).arg("--config").arg(&config).args([
            "--log",
            "warn,sidegate::app=info",
            "run",
        ]);
        let started = Instant::now();
        let mut process = Process::start("the gateway", command)?;
        let mut admin = Admin::connect(process.address("admin").await?).await?;
        admin
            .wait_until_ready()
            .await
            .with_context(|| format!("the gateway is not ready:\n{}", process.log()))?;
        let ready_after = started.elapsed();
        let data = process.address("data").await?;
        Ok(Self { process, data, admin, ready_after })
    }

    /// What it used so far.
    ///
    /// # Errors
    /// It ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// As any process, without its admin plane.
    pub(crate) fn into_process(self) -> Process {
        self.process
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// It does not stop.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}
