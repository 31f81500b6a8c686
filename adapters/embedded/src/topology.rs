//! Which queues there are, and which of them get a copy of an event.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use parking_lot::RwLock;
use sidegate_broker::BrokerError;

use crate::connect::Clock;
use crate::error;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::queue::Queue;

pub(crate) struct Topology {
    limits: Limits,
    clock: Clock,
    journal: Option<Arc<dyn Journal>>,
    queues: RwLock<HashMap<CompactString, Arc<Queue>>>,
    bindings: RwLock<HashMap<CompactString, Vec<Arc<Queue>>>>,
}

impl Topology {
    /// What the journal remembers.
    pub(crate) async fn load(
        limits: Limits,
        clock: Clock,
        journal: Option<Arc<dyn Journal>>,
    ) -> Result<Self, BrokerError> {
        let (lengths, bindings) = match &journal {
            Some(journal) => (journal.lengths().await?, journal.bindings().await?),
            None => (Vec::new(), Vec::new()),
        };
        let topology =
            Self { limits, clock, journal, queues: RwLock::default(), bindings: RwLock::default() };
        for (name, stored) in lengths {
            topology.insert(&name, usize::try_from(stored).unwrap_or(usize::MAX));
        }
        for (destination, name) in bindings {
            let queue = topology.insert(&name, 0);
            topology.add_binding(&destination, queue);
        }
        Ok(topology)
    }

    /// The queue of that name, made when absent.
    pub(crate) fn queue(&self, name: &str) -> Result<Arc<Queue>, BrokerError> {
        if let Some(queue) = self.queues.read().get(name) {
            return Ok(Arc::clone(queue));
        }
        self.make_room(name)?;
        Ok(self.insert(name, 0))
    }

    /// The queues that get a copy of an event.
    pub(crate) fn bound(&self, destination: &str) -> Vec<Arc<Queue>> {
        self.bindings.read().get(destination).cloned().unwrap_or_default()
    }

    /// The queue of one service's copies of an event, bound for good.
    pub(crate) async fn bind(&self, destination: &str, service: &str) -> Result<Arc<Queue>, BrokerError> {
        let queue = self.queue(&format_compact!("{destination}.{service}"))?;
        if self.is_bound(destination, &queue) {
            return Ok(queue);
        }
        if let Some(journal) = &self.journal {
            journal.bind(destination, &queue.name).await?;
        }
        self.add_binding(destination, Arc::clone(&queue));
        Ok(queue)
    }

    /// Every queue with messages that wait, by name.
    pub(crate) fn waiting(&self) -> Vec<(CompactString, u64)> {
        let queues: Vec<_> = self.queues.read().values().cloned().collect();
        let mut waiting: Vec<_> = queues
            .iter()
            .map(|queue| (queue.name.clone(), queue.waiting() as u64))
            .filter(|(_, n)| *n > 0)
            .collect();
        waiting.sort();
        waiting
    }

    fn is_bound(&self, destination: &str, queue: &Arc<Queue>) -> bool {
        let bindings = self.bindings.read();
        bindings.get(destination).is_some_and(|bound| bound.iter().any(|other| Arc::ptr_eq(other, queue)))
    }

    fn add_binding(&self, destination: &str, queue: Arc<Queue>) {
        let mut bindings = self.bindings.write();
        let bound = bindings.entry(destination.into()).or_default();
        if !bound.iter().any(|other| Arc::ptr_eq(other, &queue)) {
            bound.push(queue);
        }
    }

    fn insert(&self, name: &str, stored: usize) -> Arc<Queue> {
        let mut queues = self.queues.write();
        let make =
            || Queue::new(name.into(), self.limits, Arc::clone(&self.clock), self.journal.clone(), stored);
        Arc::clone(queues.entry(name.into()).or_insert_with(|| Arc::new(make())))
    }

    /// Forgets queues that nobody uses when there are as many as may be.
    fn make_room(&self, name: &str) -> Result<(), BrokerError> {
        let mut queues = self.queues.write();
        if queues.len() >= self.limits.queues_max {
            // The map holds the only reference, and new ones are made under its lock: nobody can be about to use it.
            queues.retain(|_, queue| Arc::strong_count(queue) > 1 || !queue.is_idle());
        }
        if queues.len() >= self.limits.queues_max {
            return Err(error::too_many_queues(name, self.limits.queues_max));
        }
        Ok(())
    }
}
