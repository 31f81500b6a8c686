//! `run`: serves the config until it is told to stop.

use super::args::Global;
use super::failure::Failure;
use super::{config, output};
use crate::app::{self, ConfigSource};
use crate::observe::logs::{self, Shape};

pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let loaded = config::load(global)?;
    start_logs(global);
    let source = ConfigSource { path: global.config.clone() };
    runtime()?.block_on(app::run(loaded, source)).map_err(|error| Failure::runtime(&error))
}

/// Log lines from here on, as `--log` and `--color` say.
pub(super) fn start_logs(global: &Global) {
    logs::start(&global.log, Shape::of_stderr(output::colour_on_stderr()));
}

/// One worker for each core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(format!("the system gives no threads to run on: {error}")))
}
