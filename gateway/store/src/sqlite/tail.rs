//! Requests accepted a moment ago, kept in memory: whoever dispatches them at once reads nothing back.
//!
//! A cache of the outbox and nothing else. It changes after the commit and before anybody is answered, and it knows
//! from which place on it is complete; before that place the database is asked.

use std::collections::{BTreeMap, HashMap, VecDeque};

use compact_str::CompactString;
use parking_lot::Mutex;

use super::lane::LaneId;
use crate::Claimed;

const REQUESTS_MAX: usize = 4_096;
const BYTES_MAX: usize = 16 * 1_024 * 1_024;
const REQUEST_OVERHEAD_BYTES: usize = 512;

/// The latest requests of all lanes.
#[derive(Debug)]
pub(super) struct Tail {
    state: Mutex<State>,
}

/// What a commit did to the outbox.
#[derive(Debug)]
pub(super) enum OutboxChange {
    Added(LaneId, Box<Claimed>),
    /// A call for it began; so many in all.
    Begun(u64, u32),
    Forgotten(u64),
}

/// Where a lane's requests are to be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All of them are here.
    Complete(Vec<Claimed>),
    /// In the database.
    AskDatabase(LaneId),
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<CompactString, Lane>,
    rows: BTreeMap<u64, Box<Claimed>>,
    /// Places in the order of their commits, those already forgotten among them.
    arrivals: VecDeque<(LaneId, u64)>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    id: LaneId,
    /// Every request of the lane after this place is in `rows`.
    complete_after: u64,
}

impl Tail {
    /// An empty tail behind what the database holds: each lane with its last place.
    pub(super) fn new(lanes: impl Iterator<Item = (CompactString, LaneId, u64)>) -> Self {
        let lanes = lanes.map(|(name, id, last_seq)| (name, Lane { id, complete_after: last_seq })).collect();
        Self { state: Mutex::new(State { lanes, ..State::default() }) }
    }

    /// Requests of a lane after a place, if all of them are here.
    pub(super) fn read(&self, lane: &str, after: u64, limit: usize) -> Reading {
        let state = self.state.lock();
        let Some(lane) = state.lanes.get(lane) else { return Reading::Complete(Vec::new()) };
        if after.max(lane.id.floor()) < lane.complete_after {
            return Reading::AskDatabase(lane.id);
        }
        let rows = state.rows.range(lane.id.after(after));
        Reading::Complete(rows.take(limit).map(|(_, claimed)| Claimed::clone(claimed)).collect())
    }

    /// Takes on what was committed.
    pub(super) fn change(&self, changes: impl IntoIterator<Item = OutboxChange>) {
        let mut state = self.state.lock();
        for change in changes {
            state.change(change);
        }
        state.evict();
    }
}

impl State {
    fn change(&mut self, change: OutboxChange) {
        match change {
            OutboxChange::Added(lane, claimed) => self.add(lane, claimed),
            OutboxChange::Forgotten(seq) => {
                self.forget(seq);
            }
            OutboxChange::Begun(seq, attempts) => {
                if let Some(claimed) = self.rows.get_mut(&seq) {
                    claimed.attempts = attempts;
                }
            }
        }
    }

    fn add(&mut self, id: LaneId, claimed: Box<Claimed>) {
        if !self.lanes.contains_key(&claimed.request.lane) {
            self.lanes.insert(claimed.request.lane.clone(), Lane { id, complete_after: id.floor() });
        }
        self.bytes += weight_bytes(&claimed);
        self.arrivals.push_back((id, claimed.seq));
        self.rows.insert(claimed.seq, claimed);
    }

    /// Whether it was here.
    fn forget(&mut self, seq: u64) -> bool {
        let removed = self.rows.remove(&seq);
        self.bytes -= removed.as_deref().map_or(0, weight_bytes);
        removed.is_some()
    }

    /// Lets go of the oldest until the bounds hold.
    fn evict(&mut self) {
        while self.arrivals.len() > REQUESTS_MAX || self.bytes > BYTES_MAX {
            let Some((id, seq)) = self.arrivals.pop_front() else { return };
            if self.forget(seq)
                && let Some(lane) = self.lanes.values_mut().find(|lane| lane.id == id)
            {
                lane.complete_after = lane.complete_after.max(seq);
            }
        }
    }
}

fn weight_bytes(claimed: &Claimed) -> usize {
    let headers = claimed.request.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    claimed.request.body.len() + headers + REQUEST_OVERHEAD_BYTES
}
