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
//! given back is not overtaken by a later one of its key.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::Message;
use slab::Slab;
use tokio::time::Instant;

/// After a burst of more than so many messages the memory they took is given back.
const SPARE_ENTRIES_MAX: usize = 1_024;

/// The messages of one queue that are in memory.
#[derive(Default)]
pub(crate) struct Window {
    entries: Slab<Entry>,
    ready: BinaryHeap<Reverse<Place>>,
    delayed: BinaryHeap<Reverse<(Instant, Place)>>,
    lanes: HashMap<CompactString, VecDeque<usize>>,
    durable: Load,
    transient: Load,
    claimed: usize,
    seq_next: u64,
    claim_next: u64,
}

/// A message on its way through a queue.
pub(crate) struct Item {
    pub(crate) message: Arc<Message>,
    /// What it counts for in the bounds; see [`Message::weight_bytes`].
    pub(crate) bytes: usize,
    /// Where it stands in the journal; `None`: it lives in memory only.
    pub(crate) position: Option<u64>,
    /// How often it was handed out.
    pub(crate) attempt: u32,
    /// Unix milliseconds after which it is dropped instead of handed out.
    pub(crate) expires_at_ms: Option<u64>,
    /// Not before this.
    pub(crate) due: Option<Instant>,
}

/// How much of one kind is in memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
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
    pub(crate) position: Option<u64>,
    pub(crate) attempt: u32,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    seq: u64,
    index: usize,
}

impl Load {
    /// Whether `bytes` more fit; a message that is alone always does.
    pub(crate) fn has_room(&self, bytes: usize, messages_max: usize, bytes_max: usize) -> bool {
        self.messages == 0 || (self.messages < messages_max && self.bytes.saturating_add(bytes) <= bytes_max)
    }

    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }

    fn subtract(&mut self, bytes: usize) {
        self.messages -= 1;
        self.bytes -= bytes;
    }
}

impl Window {
    /// Adds a message behind all others.
    pub(crate) fn push(&mut self, item: Item) {
        self.load(&item).add(item.bytes);
        let behind = match &item.message.key {
            Some(key) => self.lanes.get_mut(key),
            None => None,
        };
        let seq = self.seq_next;
        self.seq_next += 1;
        let index = self.entries.vacant_key();
        match behind {
            Some(lane) => {
                lane.push_back(index);
                self.entries.insert(Entry { item, seq, stage: Stage::Behind });
            }
            None => {
                if let Some(key) = &item.message.key {
                    self.lanes.insert(key.clone(), VecDeque::new());
                }
                self.entries.insert(Entry { item, seq, stage: Stage::Queued });
                self.line_up(index);
            }
        }
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

    /// Ends a claim for good. False when the ticket is worthless.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> bool {
        let holds = self.holds(ticket);
        if holds {
            self.claimed -= 1;
            self.remove(ticket.index);
        }
        holds
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
        if dead.is_empty() {
            return;
        }
        self.ready.retain(|Reverse(place)| !dead.contains(&place.index));
        self.delayed.retain(|Reverse((_, place))| !dead.contains(&place.index));
        for lane in self.lanes.values_mut() {
            lane.retain(|index| !dead.contains(index));
        }
        for index in dead {
            self.remove(index);
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

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn stage(&self, ticket: Ticket) -> Option<Stage> {
        self.entries.get(ticket.index).map(|entry| entry.stage)
    }

    fn load(&mut self, item: &Item) -> &mut Load {
        if item.position.is_some() { &mut self.durable } else { &mut self.transient }
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
            position: entry.item.position,
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
        let place = Place { seq: entry.seq, index };
        match entry.item.due {
            Some(due) => self.delayed.push(Reverse((due, place))),
            None => self.ready.push(Reverse(place)),
        }
    }

    /// Forgets a message that is in neither heap nor lane any more, and lets the next of its key go.
    fn remove(&mut self, index: usize) {
        let entry = self.entries.remove(index);
        self.load(&entry.item).subtract(entry.item.bytes);
        if let Some(key) = &entry.item.message.key
            && !matches!(entry.stage, Stage::Behind)
        {
            self.advance(key);
        }
        if self.entries.is_empty() && self.entries.capacity() > SPARE_ENTRIES_MAX {
            self.give_memory_back();
        }
    }

    fn advance(&mut self, key: &CompactString) {
        match self.lanes.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => {
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
