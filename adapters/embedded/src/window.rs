//! What a queue holds in memory, and which message goes out next. Pure: no locks, no I/O, time is passed in.
//!
//! Finding the next message costs the logarithm of what is ready, whatever else waits:
//!
//! ```text
//! ready     heap by arrival: may go out now
//! delayed   heap by time: given back for later
//! lanes     key ─▶ what came behind the key's first message; that one is ready, delayed or claimed
//! ```
//!
//! A message that is claimed or delayed keeps its key's lane, so a key never has two messages out, and a message
//! given back is not overtaken by a later one of its key. One that waits for the journal has its place like any
//! other; whether it may go out meanwhile is up to its [`Keeping`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::Message;
use slab::Slab;
use tokio::time::Instant;

use crate::item::{Item, Keeping, Load};
use crate::slip::Slip;

/// After a burst of more than so many messages the memory they took is given back.
const SPARE_ENTRIES_MAX: usize = 1_024;

/// The messages of one queue that are in memory.
#[derive(Default)]
pub(crate) struct Window {
    entries: Slab<Entry>,
    ready: BinaryHeap<Reverse<Place>>,
    delayed: BinaryHeap<Reverse<(Instant, Place)>>,
    lanes: HashMap<CompactString, Lane>,
    durable: Load,
    transient: Load,
    unwritten: usize,
    claimed: usize,
    seq_next: u64,
    claim_next: u64,
}

/// The right to settle one handing-out of a message; worthless once the message was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    index: usize,
    claim: u64,
}

/// A message handed out.
pub(crate) struct Taken {
    pub(crate) ticket: Ticket,
    pub(crate) message: Arc<Message>,
    pub(crate) keeping: Keeping,
    pub(crate) attempt: u32,
}

/// Where a pushed message stands; worthless once the message is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    seq: u64,
    index: usize,
}

/// A message that was settled for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finished {
    /// It counted as one of the queue's durable messages.
    pub(crate) was_durable: bool,
    /// It was never written.
    pub(crate) was_elided: bool,
}

/// What came of a message that the journal refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenBack {
    /// Nobody ever had it, and nobody will.
    Unseen,
    /// It was handed out before: it stays in memory until it is settled.
    Seen,
    /// It was done with already.
    Gone,
}

struct Entry {
    item: Item,
    seq: u64,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// In the lane of its key, behind another.
    Behind,
    /// In `ready` or `delayed`.
    Queued,
    /// Handed out to `seat`. While `settling`, only the settler may end the claim.
    Claimed { claim: u64, seat: u64, settling: bool },
}

/// The messages of one key.
struct Lane {
    /// Ready, delayed or claimed.
    head: usize,
    behind: VecDeque<usize>,
}

impl Window {
    /// Adds a message behind all others.
    pub(crate) fn push(&mut self, item: Item) -> Place {
        self.load(&item).add(item.bytes);
        self.unwritten += usize::from(item.keeping.is_unwritten());
        let place = Place { seq: self.seq_next, index: self.entries.vacant_key() };
        self.seq_next += 1;
        let is_behind = self.join_lane(item.message.key.as_ref(), place.index);
        let stage = if is_behind { Stage::Behind } else { Stage::Queued };
        self.entries.insert(Entry { item, seq: place.seq, stage });
        if !is_behind {
            self.line_up(place.index);
        }
        place
    }

    /// Whether the message has others of its key before it.
    fn join_lane(&mut self, key: Option<&CompactString>, index: usize) -> bool {
        let Some(key) = key else { return false };
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.behind.push_back(index);
            return true;
        }
        self.lanes.insert(key.clone(), Lane { head: index, behind: VecDeque::new() });
        false
    }

    /// The first message of a key, while it is handed out before it is written.
    pub(crate) fn early_head(&self, key: &CompactString) -> Option<Arc<Slip>> {
        let lane = self.lanes.get(key)?;
        match &self.entries[lane.head].item.keeping {
            Keeping::Early(slip) => Some(Arc::clone(slip)),
            _ => None,
        }
    }

    /// The message is in the journal. Whether it may go out now and could not before.
    pub(crate) fn written(&mut self, place: Place, position: u64) -> bool {
        let Some(entry) = self.at(place) else { return false };
        let was = std::mem::replace(&mut entry.item.keeping, Keeping::Journal(position));
        let has_waited = matches!((&was, entry.stage), (Keeping::Awaited, Stage::Queued));
        self.unwritten -= usize::from(was.is_unwritten());
        if has_waited {
            self.line_up(place.index);
        }
        has_waited
    }

    /// The journal refused the message.
    pub(crate) fn refused(&mut self, place: Place) -> TakenBack {
        let Some(entry) = self.at(place) else { return TakenBack::Gone };
        if entry.item.attempt > 0 {
            let was = std::mem::replace(&mut entry.item.keeping, Keeping::Refused);
            self.unwritten -= usize::from(was.is_unwritten());
            return TakenBack::Seen;
        }
        self.drop_all(&HashSet::from([place.index]));
        TakenBack::Unseen
    }

    /// Hands out the oldest message that may go out now. Expired ones on the way are dropped.
    pub(crate) fn take(&mut self, seat: u64, unix_ms: &dyn Fn() -> u64) -> Option<Taken> {
        while let Some(Reverse(place)) = self.ready.pop() {
            if self.entries[place.index].item.expires_at_ms.is_some_and(|at_ms| at_ms < unix_ms()) {
                self.remove(place.index);
                continue;
            }
            return Some(self.claim(place.index, seat));
        }
        None
    }

    /// Makes ready what was delayed until `now` or earlier.
    pub(crate) fn wake_due(&mut self, now: Instant) {
        while let Some(Reverse((due, place))) = self.delayed.peek().copied() {
            if due > now {
                return;
            }
            self.delayed.pop();
            self.ready.push(Reverse(place));
        }
    }

    /// When the next delayed message is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.delayed.peek().map(|Reverse((due, _))| *due)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether the ticket still stands for its message.
    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        matches!(self.stage(ticket), Some(Stage::Claimed { claim, .. }) if claim == ticket.claim)
    }

    /// Keeps [`Window::release_seat`] away while the journal is told; false when the ticket is worthless.
    pub(crate) fn set_settling(&mut self, ticket: Ticket, settling: bool) -> bool {
        let holds = self.holds(ticket);
        if holds && let Stage::Claimed { settling: flag, .. } = &mut self.entries[ticket.index].stage {
            *flag = settling;
        }
        holds
    }

    /// Ends a claim for good: what became of it. `None` when the ticket is worthless.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Option<Finished> {
        if !self.holds(ticket) {
            return None;
        }
        self.claimed -= 1;
        let keeping = self.remove(ticket.index);
        Some(Finished { was_durable: keeping.is_durable(), was_elided: keeping.is_unwritten() })
    }

    /// Ends a claim and puts the message back where it stood, not to go out before `due`.
    pub(crate) fn release(&mut self, ticket: Ticket, due: Option<Instant>) -> bool {
        let holds = self.holds(ticket);
        if holds {
            self.put_back(ticket.index, due);
        }
        holds
    }

    /// Puts back whatever `seat` holds and is not settling; how many that were.
    pub(crate) fn release_seat(&mut self, seat: u64) -> usize {
        let is_held = |entry: &Entry| matches!(entry.stage, Stage::Claimed { seat: holder, settling: false, .. } if holder == seat);
        let held: Vec<usize> =
            self.entries.iter().filter(|(_, entry)| is_held(entry)).map(|(index, _)| index).collect();
        for index in &held {
            self.put_back(*index, None);
        }
        held.len()
    }

    /// Drops what nobody wants any more and is not handed out. Looks at everything: not for the hot path.
    pub(crate) fn drop_expired(&mut self, now_ms: u64) {
        let is_dead = |entry: &Entry| {
            entry.item.expires_at_ms.is_some_and(|at_ms| at_ms < now_ms)
                && !matches!(entry.stage, Stage::Claimed { .. })
        };
        let dead: HashSet<usize> =
            self.entries.iter().filter(|(_, entry)| is_dead(entry)).map(|(index, _)| index).collect();
        if !dead.is_empty() {
            self.drop_all(&dead);
        }
    }

    /// Takes messages that are not handed out from wherever they stand.
    fn drop_all(&mut self, dead: &HashSet<usize>) {
        self.ready.retain(|Reverse(place)| !dead.contains(&place.index));
        self.delayed.retain(|Reverse((_, place))| !dead.contains(&place.index));
        for lane in self.lanes.values_mut() {
            lane.behind.retain(|index| !dead.contains(index));
        }
        for index in dead {
            self.remove(*index);
        }
    }

    pub(crate) fn durable(&self) -> Load {
        self.durable
    }

    pub(crate) fn transient(&self) -> Load {
        self.transient
    }

    pub(crate) fn claimed(&self) -> usize {
        self.claimed
    }

    /// Messages that may go out now.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Durable messages that are not in the journal yet.
    pub(crate) fn unwritten(&self) -> usize {
        self.unwritten
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn stage(&self, ticket: Ticket) -> Option<Stage> {
        self.entries.get(ticket.index).map(|entry| entry.stage)
    }

    fn at(&mut self, place: Place) -> Option<&mut Entry> {
        self.entries.get_mut(place.index).filter(|entry| entry.seq == place.seq)
    }

    fn load(&mut self, item: &Item) -> &mut Load {
        if item.keeping.is_durable() { &mut self.durable } else { &mut self.transient }
    }

    fn claim(&mut self, index: usize, seat: u64) -> Taken {
        let claim = self.claim_next;
        self.claim_next += 1;
        self.claimed += 1;
        let entry = &mut self.entries[index];
        entry.stage = Stage::Claimed { claim, seat, settling: false };
        entry.item.attempt = entry.item.attempt.saturating_add(1);
        Taken {
            ticket: Ticket { index, claim },
            message: Arc::clone(&entry.item.message),
            keeping: entry.item.keeping.clone(),
            attempt: entry.item.attempt,
        }
    }

    fn put_back(&mut self, index: usize, due: Option<Instant>) {
        self.claimed -= 1;
        let entry = &mut self.entries[index];
        entry.stage = Stage::Queued;
        entry.item.due = due;
        self.line_up(index);
    }

    fn line_up(&mut self, index: usize) {
        let entry = &self.entries[index];
        if matches!(entry.item.keeping, Keeping::Awaited) {
            return;
        }
        let place = Place { seq: entry.seq, index };
        match entry.item.due {
            Some(due) => self.delayed.push(Reverse((due, place))),
            None => self.ready.push(Reverse(place)),
        }
    }

    /// Forgets a message that is in neither heap nor lane any more, and lets the next of its key go.
    fn remove(&mut self, index: usize) -> Keeping {
        let entry = self.entries.remove(index);
        self.load(&entry.item).subtract(entry.item.bytes);
        self.unwritten -= usize::from(entry.item.keeping.is_unwritten());
        if let Some(key) = &entry.item.message.key
            && !matches!(entry.stage, Stage::Behind)
        {
            self.advance(key);
        }
        if self.entries.is_empty() && self.entries.capacity() > SPARE_ENTRIES_MAX {
            self.give_memory_back();
        }
        entry.item.keeping
    }

    fn advance(&mut self, key: &CompactString) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        match lane.behind.pop_front() {
            Some(next) => {
                lane.head = next;
                self.entries[next].stage = Stage::Queued;
                self.line_up(next);
            }
            None => {
                self.lanes.remove(key);
            }
        }
    }

    fn give_memory_back(&mut self) {
        self.entries.shrink_to_fit();
        self.ready.shrink_to_fit();
        self.delayed.shrink_to_fit();
        self.lanes.shrink_to_fit();
    }
}
