//! A changed config: read, checked and built as a whole, then swapped in; or refused as a whole, and the gateway
//! goes on with what it has.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use sidegate_config::Settings;
use tokio::sync::mpsc;

use super::run::ConfigSource;
use super::start::{App, route_table};

/// Editors and config maps write in several steps: what follows within this time is one change.
const SETTLE: Duration = Duration::from_millis(200);

/// Hears of changes to the config's files. Without it (no inotify left) SIGHUP still works.
pub(super) struct Watcher {
    files: Arc<parking_lot::Mutex<Vec<PathBuf>>>,
    changes: mpsc::Receiver<()>,
    notify: Option<notify::RecommendedWatcher>,
}

impl Watcher {
    /// Watches the folders of the files: a config map swaps a link in the folder, not the file.
    pub(super) fn new(config: &Path, files: &[PathBuf]) -> Self {
        let (sender, changes) = mpsc::channel(1);
        let watched = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let interesting = Arc::clone(&watched);
        let notify = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| concerns(&event, &interesting.lock())) {
                let _ = sender.try_send(());
            }
        });
        let notify = notify
            .inspect_err(
                |error| tracing::warn!(error = %error, "config files cannot be watched: SIGHUP reloads"),
            )
            .ok();
        let mut watcher = Self { files: watched, changes, notify };
        watcher.follow(config, files);
        watcher
    }

    /// Watches these files from now on.
    fn follow(&mut self, config: &Path, files: &[PathBuf]) {
        let mut all: Vec<PathBuf> = files.iter().map(|file| absolute(file)).collect();
        all.push(absolute(config));
        for folder in all.iter().filter_map(|file| file.parent()) {
            if let Some(Err(error)) =
                self.notify.as_mut().map(|n| n.watch(folder, RecursiveMode::NonRecursive))
            {
                tracing::warn!(folder = %folder.display(), error = %error, "a config folder cannot be watched");
            }
        }
        *self.files.lock() = all;
    }

    /// Waits for a change and for the end of it.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while tokio::time::timeout(SETTLE, self.changes.recv()).await.is_ok_and(|change| change.is_some()) {}
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A write to one of the files, or a link of the folder swapped (Kubernetes' `..data`).
fn concerns(event: &notify::Event, files: &[PathBuf]) -> bool {
    if matches!(event.kind, notify::EventKind::Access(_)) {
        return false;
    }
    event
        .paths
        .iter()
        .any(|path| files.contains(path) || path.file_name().is_some_and(|name| name == "..data"))
}

impl App {
    /// Reads the config again. Whatever is wrong with it is logged, and nothing changes then.
    pub(super) fn reload(&mut self, source: &ConfigSource, watcher: &mut Watcher) {
        let loaded = match sidegate_config::load(&source.path, &environment) {
            Ok(loaded) => loaded,
            Err(problems) => {
                tracing::error!(problems = %problems.render(false), "the changed config is refused: the gateway goes on with the one before");
                return;
            }
        };
        if let Some(what) = needs_restart(&self.settings, &loaded.settings) {
            tracing::error!(
                what,
                "the changed config is refused: this takes a restart; the gateway goes on with the one before"
            );
            return;
        }
        let table = match route_table(&loaded.settings, &self.shared.metrics) {
            Ok(table) => table,
            Err(error) => {
                tracing::error!(error = %error, "the changed config is refused: the gateway goes on with the one before");
                return;
            }
        };
        watcher.follow(&source.path, &loaded.files);
        self.shared.routes.store(Arc::new(table));
        self.shared.shown.store(Arc::new(loaded.shown));
        self.dispatch_new_lanes();
        drop(self.shared.consumers.replace(&self.shared, &loaded.settings.consumers));
        tracing::info!(
            routes = loaded.settings.routes.len(),
            consumers = loaded.settings.consumers.len(),
            "the changed config is in force"
        );
        self.settings = loaded.settings;
    }
}

/// Environment variables for `${VAR}`.
#[expect(clippy::disallowed_methods, reason = "config expansion is where the environment enters")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What of a change cannot be done while running.
fn needs_restart(old: &Settings, new: &Settings) -> Option<&'static str> {
    let brokers = |settings: &Settings| {
        settings
            .brokers
            .values()
            .map(|b| (b.name.clone(), b.url.clone(), b.client.clone()))
            .collect::<Vec<_>>()
    };
    let (was, is) = (&old.gateway, &new.gateway);
    match () {
        () if was.name != is.name => Some("[gateway] name"),
        () if was.listen != is.listen => Some("[gateway] listen"),
        () if was.admin != is.admin => Some("[gateway] admin"),
        () if was.limits != is.limits => Some("[gateway.limits]"),
        () if was.drain != is.drain || was.lease != is.lease => Some("[gateway] drain or lease"),
        () if was.admin_tokens != is.admin_tokens => Some("[gateway] admin_tokens"),
        () if old.store.url != new.store.url || old.store.pending_max != new.store.pending_max => {
            Some("[store]")
        }
        () if brokers(old) != brokers(new) => Some("[broker]"),
        () => None,
    }
}
