//! A changed config: read, checked and built as a whole, then swapped in; or refused as a whole, and the gateway
//! goes on with what it has.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{PollWatcher, RecursiveMode, Watcher as _};
use sidegate_config::Settings;
use tokio::sync::mpsc;

use super::load::load;
use super::run::ConfigSource;
use super::start::{App, route_table};

/// Editors and config maps write in several steps: what follows within this time is one change.
const SETTLE: Duration = Duration::from_millis(200);
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Hears of changes to the config's files, by looking at them.
///
/// The system's own notices were tried and cost a tenth of the gateway's CPU: they come for a whole folder, and by
/// default the store writes its log beside the config.
pub(super) struct Watcher {
    changes: mpsc::Receiver<()>,
    notify: Option<PollWatcher>,
    files: Vec<PathBuf>,
}

impl Watcher {
    /// Watches the files. Without it (which would be a fault of the library) SIGHUP still reloads.
    pub(super) fn new(files: &[PathBuf]) -> Self {
        let (sender, changes) = mpsc::channel(1);
        let config = notify::Config::default().with_poll_interval(LOOK_EVERY).with_compare_contents(true);
        let heard = move |event: notify::Result<notify::Event>| {
            if event.is_ok() {
                let _ = sender.try_send(());
            }
        };
        let notify = PollWatcher::new(heard, config)
            .inspect_err(
                |error| tracing::warn!(error = %error, "config files cannot be watched: SIGHUP reloads"),
            )
            .ok();
        let mut watcher = Self { changes, notify, files: Vec::new() };
        watcher.follow(files);
        watcher
    }

    /// Watches these files from now on, in place of those before.
    fn follow(&mut self, files: &[PathBuf]) {
        let Some(notify) = self.notify.as_mut() else { return };
        for gone in self.files.iter().filter(|file| !files.contains(file)) {
            let _ = notify.unwatch(gone);
        }
        for new in files.iter().filter(|file| !self.files.contains(file)) {
            if let Err(error) = notify.watch(new, RecursiveMode::NonRecursive) {
                tracing::warn!(file = %new.display(), error = %error, "a config file cannot be watched: SIGHUP reloads");
            }
        }
        self.files = files.to_vec();
    }

    /// Waits for a change and for the end of it.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while tokio::time::timeout(SETTLE, self.changes.recv()).await.is_ok_and(|change| change.is_some()) {}
    }
}

impl App {
    /// Reads the config again. Whatever is wrong with it is logged, and nothing changes then.
    pub(super) fn reload(&mut self, source: &ConfigSource, watcher: &mut Watcher) {
        let loaded = match load(&source.path) {
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
        watcher.follow(&loaded.files);
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

/// What of a change cannot be done while running.
fn needs_restart(old: &Settings, new: &Settings) -> Option<&'static str> {
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
        () if old.brokers != new.brokers => Some("[broker]"),
        () => None,
    }
}
