//! Requests not yet at the broker, in memory.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::{MemoryStore, State};
use crate::{BoxFuture, Claimed, Outbox, Request, Result};

/// Requests of each lane in the order of their acceptance, with the keys of their operations.
#[derive(Debug, Default)]
pub(super) struct Table {
    lanes: BTreeMap<CompactString, BTreeMap<u64, (u64, Request)>>,
    lane_of: BTreeMap<u64, CompactString>,
    last_seq: u64,
}

impl Outbox for MemoryStore {
    fn claimed<'a>(&'a self, lane: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>>> {
        self.read(move |state| state.claimed(lane, after, limit))
    }

    fn lanes(&self) -> BoxFuture<'_, Result<Vec<CompactString>>> {
        self.read(|state| state.outbox.lanes.keys().cloned().collect())
    }

    fn pending(&self) -> u64 {
        self.state.lock().outbox.len()
    }
}

impl State {
    fn claimed(&self, lane: &str, after: u64, limit: usize) -> Vec<Claimed> {
        let requests = self.outbox.lanes.get(lane).into_iter();
        let after_it = requests.flat_map(|requests| requests.range(after.saturating_add(1)..)).take(limit);
        after_it.filter_map(|(seq, (key, request))| self.claim(*seq, *key, request)).collect()
    }

    fn claim(&self, seq: u64, key: u64, request: &Request) -> Option<Claimed> {
        let operation = self.operations.by_key(key)?;
        Some(Claimed {
            seq,
            operation: operation.id,
            correlation_id: operation.correlation_id.clone(),
            deadline: operation.state.deadline,
            attempts: operation.state.attempts,
            request: request.clone(),
        })
    }
}

impl Table {
    pub(super) fn len(&self) -> u64 {
        self.lane_of.len() as u64
    }

    pub(super) fn add(&mut self, operation_key: u64, request: Request) -> u64 {
        self.last_seq += 1;
        self.lane_of.insert(self.last_seq, request.lane.clone());
        let lane = self.lanes.entry(request.lane.clone()).or_default();
        lane.insert(self.last_seq, (operation_key, request));
        self.last_seq
    }

    pub(super) fn forget(&mut self, seq: u64) {
        let Some(name) = self.lane_of.remove(&seq) else { return };
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.remove(&seq);
            if lane.is_empty() {
                self.lanes.remove(&name);
            }
        }
    }
}
