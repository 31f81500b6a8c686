//! The running consumers. A reload starts the new ones and lets the old ones finish what they hold.

use std::sync::Arc;

use parking_lot::Mutex;
use sidegate_config::settings;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::shared::Shared;
use crate::deliver::{self, Consumer};

/// Every consumer of the config.
#[derive(Default)]
pub struct Consumers {
    running: Mutex<Vec<Running>>,
}

struct Running {
    consumer: Arc<Consumer>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Consumers {
    /// The consumers of the config, in its order.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Consumer>> {
        self.running.lock().iter().map(|running| Arc::clone(&running.consumer)).collect()
    }

    /// Starts these and lets the others end; returns what is still finishing.
    pub(super) fn replace(
        &self,
        shared: &Arc<Shared>,
        new: &[Arc<settings::Consumer>],
    ) -> Vec<JoinHandle<()>> {
        let started = new.iter().filter_map(|settings| start(shared, settings)).collect();
        let old = std::mem::replace(&mut *self.running.lock(), started);
        old.into_iter()
            .map(|running| {
                let _ = running.stop.send(true);
                running.task
            })
            .collect()
    }
}

fn start(shared: &Arc<Shared>, settings: &Arc<settings::Consumer>) -> Option<Running> {
    let link = Arc::clone(shared.brokers.get(&settings.broker)?);
    let metrics = shared.metrics.consumer(&settings.name);
    let consumer = Arc::new(Consumer::new(Arc::clone(settings), link, metrics));
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(deliver::run(Arc::clone(shared), Arc::clone(&consumer), stopped));
    Some(Running { consumer, stop, task })
}

#[cfg(test)]
mod tests;
