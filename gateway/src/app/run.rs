//! `sidegate run`: a gateway from start to the end of its drain, told by signals and by its file.

use std::path::PathBuf;

use sidegate_config::Loaded;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::Watcher;
use super::start::{App, Parts, StartError};

/// Where a config came from, and so where a reload reads it again.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// The TOML file.
    pub path: PathBuf,
}

/// Why `run` ended otherwise than asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It never ran.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system does not let it hear signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// Serves until SIGTERM or SIGINT, a second of which ends the drain; SIGHUP or a changed file reloads.
///
/// # Errors
/// The gateway could not start.
pub async fn run(loaded: Loaded, source: ConfigSource) -> Result<(), RunError> {
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    let mut watcher = Watcher::new(&loaded.files);
    let mut app = App::start(loaded.settings, loaded.shown, Parts::default()).await?;
    announce(&app);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => app.reload(&source, &mut watcher),
            () = watcher.changed() => app.reload(&source, &mut watcher),
        }
    }
    tracing::info!(
        drain_s = app.shared.gateway.drain.as_secs_f64(),
        "stopping: held callers get 202, the rest is finished"
    );
    tokio::select! {
        () = app.stop() => tracing::info!("stopped"),
        _ = signals.terminate.recv() => cut_off(),
        _ = signals.interrupt.recv() => cut_off(),
    }
    Ok(())
}

/// A second signal: whoever sends it does not want to wait any longer. What is stored goes on at the next start.
fn cut_off() {
    tracing::warn!(
        "stopped at a second signal: what was under way is cut off and begins again at the next start"
    );
}

/// One line for each plane, which scripts read to learn a port that the system chose.
pub(super) fn announce(app: &App) {
    tracing::info!(plane = "data", address = %app.data, "listening");
    tracing::info!(plane = "admin", address = %app.admin, "listening");
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}
