//! A journal in memory that survives its broker, with a switch that makes it fail, a door that can be shut before
//! it, and a count of what it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BoxFuture, BrokerError, Effect, ErrorKind};
use sidegate_embedded::{Append, Journal, Journaled};

#[derive(Default)]
pub(crate) struct MemoryJournal {
    rows: Mutex<Rows>,
    /// Nothing is answered while somebody holds it.
    pub(crate) door: tokio::sync::Mutex<()>,
    pub(crate) is_failing: AtomicBool,
    /// A bug: appending panics.
    pub(crate) is_broken: AtomicBool,
    pub(crate) appends: AtomicUsize,
    pub(crate) loaded_at_once: AtomicUsize,
}

#[derive(Default)]
struct Rows {
    last_position: u64,
    messages: BTreeMap<u64, (CompactString, Journaled)>,
    bindings: BTreeSet<(CompactString, CompactString)>,
}

impl MemoryJournal {
    pub(crate) fn len(&self) -> usize {
        self.rows.lock().messages.len()
    }

    pub(crate) fn append_count(&self) -> usize {
        self.appends.load(Ordering::SeqCst)
    }

    /// As a store does: something else runs before the answer comes.
    async fn answer<T>(&self, change: impl FnOnce(&mut Rows) -> T + Send) -> Result<T, BrokerError> {
        tokio::task::yield_now().await;
        drop(self.door.lock().await);
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(BrokerError::new(ErrorKind::Full, Effect::NotApplied, "the disk is full"));
        }
        let answer = change(&mut self.rows.lock());
        tokio::task::yield_now().await;
        Ok(answer)
    }
}

impl Rows {
    fn append(&mut self, append: Append) -> u64 {
        self.last_position += 1;
        let position = self.last_position;
        let journaled = Journaled { position, attempt: 0, ready_at_ms: 0, message: append.message };
        self.messages.insert(position, (append.queue, journaled));
        position
    }

    fn lengths(&self) -> Vec<(CompactString, u64)> {
        let mut lengths: BTreeMap<CompactString, u64> = BTreeMap::new();
        for (queue, _) in self.messages.values() {
            *lengths.entry(queue.clone()).or_default() += 1;
        }
        lengths.into_iter().collect()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<u64>, BrokerError>> {
        assert!(!self.is_broken.load(Ordering::SeqCst), "a journal with a bug");
        self.appends.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.answer(|rows| batch.into_iter().map(|append| rows.append(append)).collect()))
    }

    fn remove(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.answer(move |rows| {
            for position in positions {
                rows.messages.remove(&position);
            }
        }))
    }

    fn postpone(
        &self,
        position: u64,
        attempt: u32,
        ready_at_ms: u64,
    ) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.answer(move |rows| {
            if let Some((_, journaled)) = rows.messages.get_mut(&position) {
                (journaled.attempt, journaled.ready_at_ms) = (attempt, ready_at_ms);
            }
        }))
    }

    fn load<'a>(
        &'a self,
        queue: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Journaled>, BrokerError>> {
        Box::pin(async move {
            let later = |rows: &mut Rows| {
                let of_queue = rows.messages.range(after + 1..).filter(|(_, (name, _))| name == queue);
                of_queue.take(limit).map(|(_, (_, journaled))| journaled.clone()).collect::<Vec<_>>()
            };
            let page = self.answer(later).await?;
            self.loaded_at_once.fetch_max(page.len(), Ordering::SeqCst);
            Ok(page)
        })
    }

    fn lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>, BrokerError>> {
        Box::pin(self.answer(|rows| rows.lengths()))
    }

    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(self.answer(move |rows| {
            rows.bindings.insert((destination.into(), queue.into()));
        }))
    }

    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>, BrokerError>> {
        Box::pin(self.answer(|rows| rows.bindings.iter().cloned().collect()))
    }
}
