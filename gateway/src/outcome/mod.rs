//! Where operations change: the event is stored first, then whoever waits is woken.
//!
//! Everything that happens to an operation goes through [`Outcomes::apply`]: the state machine runs inside the
//! store's write, so that of two answers only one is recorded. A wake-up is a hint with the news attached; who
//! misses it reads the store.

mod watch;

pub use watch::{Change, Watch};

use std::sync::Arc;

use sidegate_core::OperationId;
use sidegate_core::operation::Event;
use sidegate_store::{Applied, Operation, Result, Store};

use crate::clock;
use crate::observe::Metrics;
use watch::Watchers;

/// The one writer of operations' fates.
pub struct Outcomes {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    watchers: Watchers,
}

impl Outcomes {
    /// Over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics, watchers: Watchers::default() }
    }

    /// Begins to watch an operation; what changes from now on is seen.
    pub fn watch(&self, id: OperationId) -> Watch<'_> {
        self.watchers.watch(id)
    }

    /// Applies events and wakes who waits, after the commit. Results in the order of the batch.
    ///
    /// # Errors
    /// Nothing of the batch was stored.
    pub async fn apply(&self, batch: Vec<(OperationId, Event)>) -> Result<Vec<Applied>> {
        let answers: Vec<_> = batch
            .iter()
            .map(|(id, event)| event.answer().filter(|_| self.watchers.is_watched(*id)).cloned())
            .collect();
        let applied = self.store.apply(batch, clock::now()).await?;
        for (result, answer) in applied.iter().zip(answers) {
            if let Applied::Changed(operation) = result {
                self.count(operation);
                self.watchers.wake(operation, answer);
            }
        }
        Ok(applied)
    }

    /// Applies one event.
    ///
    /// # Errors
    /// The event was not stored.
    pub async fn apply_one(&self, id: OperationId, event: Event) -> Result<Applied> {
        let applied = self.apply(vec![(id, event)]).await?;
        Ok(applied.into_iter().next().unwrap_or(Applied::Unknown))
    }

    fn count(&self, operation: &Operation) {
        if operation.state.status.is_end() {
            let seconds = operation.state.updated_at.ms_since(operation.created_at) as f64 / 1_000.0;
            self.metrics.route(&operation.route).ended(operation.state.status, seconds);
        }
    }
}
