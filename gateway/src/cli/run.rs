//! `run`: serves the config until it is told to stop.

use super::args::Global;
use super::failure::Failure;
use super::{config, output};
use crate::app::{self, ConfigSource, RunError};
use crate::observe::logs::{self, Filter, Shape};

pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let loaded = config::load(global)?;
    let shape = start_logs(global, &Filter::INFO);
    for warning in loaded.warnings.iter() {
        tracing::warn!(help = warning.hint(), "config: {}", warning.message());
    }
    let source = ConfigSource { path: global.config.clone() };
    runtime()?.block_on(app::run(loaded, source)).map_err(|error| ended(shape, &error))
}

/// Log lines from here on, as `--log` and `--color` say.
pub(super) fn start_logs(global: &Global, default: &Filter) -> Shape {
    let shape = Shape::of_stderr(output::colour_on_stderr());
    logs::start(global.log.as_ref().unwrap_or(default), shape);
    shape
}

/// Who reads JSON lines reads the last one as JSON too.
fn ended(shape: Shape, error: &RunError) -> Failure {
    let failure = Failure::runtime(error);
    match shape {
        Shape::Human { .. } => failure,
        Shape::Json => {
            tracing::error!(error = %failure, "the gateway ends");
            Failure::Told(failure.code())
        }
    }
}

/// One worker for each core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(format!("the system gives no threads to run on: {error}")))
}
