//! The embedded broker's messages, in memory.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use sidegate_core::Timestamp;

use super::MemoryStore;
use crate::{BoxFuture, NewQueued, Queued, Queues, Result};

/// Messages by queue and position.
#[derive(Debug, Default)]
pub(super) struct Table {
    queues: BTreeMap<CompactString, BTreeMap<u64, Queued>>,
    queue_of: BTreeMap<u64, CompactString>,
    bindings: BTreeSet<(CompactString, CompactString)>,
    last_position: u64,
}

impl Queues for MemoryStore {
    fn enqueue(&self, batch: Vec<NewQueued>) -> BoxFuture<'_, Result<Vec<u64>>> {
        self.write(|state| Ok(batch.into_iter().map(|message| state.queues.add(message)).collect()))
    }

    fn dequeue(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<()>> {
        self.write(move |state| {
            positions.into_iter().for_each(|position| state.queues.remove(position));
            Ok(())
        })
    }

    fn postpone(&self, position: u64, attempt: u32, ready_at: Timestamp) -> BoxFuture<'_, Result<()>> {
        self.write(move |state| {
            if let Some(message) = state.queues.find_mut(position) {
                message.attempt = attempt;
                message.ready_at = ready_at;
            }
            Ok(())
        })
    }

    fn queued<'a>(&'a self, queue: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Queued>>> {
        self.read(move |state| {
            let messages = state.queues.queues.get(queue).into_iter();
            let after_it = messages.flat_map(|messages| messages.range(after.saturating_add(1)..));
            after_it.take(limit).map(|(_, message)| message.clone()).collect()
        })
    }

    fn queue_lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>>> {
        self.read(|state| {
            let queues = state.queues.queues.iter();
            queues.map(|(queue, messages)| (queue.clone(), messages.len() as u64)).collect()
        })
    }

    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        self.write(move |state| {
            state.queues.bindings.insert((destination.into(), queue.into()));
            Ok(())
        })
    }

    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>>> {
        self.read(|state| state.queues.bindings.iter().cloned().collect())
    }
}

impl Table {
    pub(super) fn len(&self) -> u64 {
        self.queue_of.len() as u64
    }

    fn add(&mut self, message: NewQueued) -> u64 {
        self.last_position += 1;
        let position = self.last_position;
        self.queue_of.insert(position, message.queue.clone());
        let queue = self.queues.entry(message.queue.clone()).or_default();
        queue.insert(position, Queued { position, attempt: 0, ready_at: Timestamp::default(), message });
        position
    }

    fn find_mut(&mut self, position: u64) -> Option<&mut Queued> {
        self.queues.get_mut(self.queue_of.get(&position)?)?.get_mut(&position)
    }

    fn remove(&mut self, position: u64) {
        let Some(queue) = self.queue_of.remove(&position) else { return };
        if let Some(messages) = self.queues.get_mut(&queue) {
            messages.remove(&position);
            if messages.is_empty() {
                self.queues.remove(&queue);
            }
        }
    }
}
