//! Every message that is known here, and which goes out next. Pure: no locks, no I/O, time is passed in.
//!
//! ```text
//! ready    heap by arrival: may go out now
//! paused   heap by time: given back for later
//! lanes    name ─▶ first and last of a key's messages; the first is ready, paused or in hand, the others wait
//! ```
//!
//! A message keeps its place in its lane until it is done with, so one that comes again is not overtaken by a later
//! one of its key. It never calls the raw side: what has to go back there is set aside for the caller
//! ([`Ledger::take_given_back`]), who holds no lock then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::{Entry as Slot, HashMap};

use sidegate_broker::Delivery;
use slab::Slab;
use tokio::time::Instant;

use crate::Window;
use crate::lane::{Lane, LaneName};

/// The messages known to one inbox.
pub(crate) struct Ledger {
    window: Window,
    entries: Slab<Entry>,
    ready: BinaryHeap<Reverse<Place>>,
    paused: BinaryHeap<Reverse<(Instant, Place)>>,
    lanes: HashMap<LaneName, Lane>,
    in_hand: usize,
    seq_next: u64,
    is_open: bool,
    given_back: Vec<Delivery>,
}

/// A message to hand out.
pub(crate) struct Taken {
    /// To name it by when it is settled.
    pub(crate) index: usize,
    pub(crate) attempt: u32,
    pub(crate) raw: Delivery,
}

/// What is worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// A message may go out now.
    pub(crate) may_go: bool,
    /// There is room for another from the raw side.
    pub(crate) wants_more: bool,
    /// When the next pause is over.
    pub(crate) due: Option<Instant>,
}

/// A message that was handed out and comes back.
pub(crate) struct Returned {
    pub(crate) raw: Delivery,
    /// It cannot be settled any more.
    pub(crate) is_lost: bool,
    /// When it may go out again; `None`: at once.
    pub(crate) due: Option<Instant>,
}

struct Entry {
    seq: u64,
    lane: Option<LaneName>,
    /// Who stands behind it in its lane.
    next: Option<usize>,
    /// How it counts when it goes out next, or went out last.
    attempt: u32,
    /// Settling failed for good; the raw side need not know that.
    is_lost: bool,
    /// `None` while it is in hand.
    raw: Option<Delivery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    seq: u64,
    index: usize,
}

/// Where a message stands that came from the raw side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Nobody is before it.
    First,
    /// Behind the last of its lane.
    Last(usize),
    /// Behind another delivery of the same message.
    BehindCopy(usize),
    /// In the place of a delivery of the same message that cannot be settled any more.
    InPlaceOf(usize),
}

impl Ledger {
    pub(crate) fn new(window: Window) -> Self {
        let prefetch = window.prefetch.max(1);
        Self {
            window: Window { prefetch, held_max: window.held_max.max(prefetch) },
            entries: Slab::new(),
            ready: BinaryHeap::new(),
            paused: BinaryHeap::new(),
            lanes: HashMap::new(),
            in_hand: 0,
            seq_next: 0,
            is_open: true,
            given_back: Vec::new(),
        }
    }

    /// A message came from the raw side.
    pub(crate) fn arrive(&mut self, raw: Delivery) {
        if !self.is_open {
            return self.given_back.push(raw);
        }
        let index = self.entries.vacant_key();
        let lane = LaneName::of(&raw.message);
        let stand = lane.as_ref().map_or(Stand::First, |name| self.join(name, index));
        if let Stand::InPlaceOf(lost) = stand {
            return self.take_over(lost, raw);
        }
        let seq = self.seq_next;
        self.seq_next += 1;
        let (next, attempt) = (self.link(stand, index), raw.attempt);
        self.entries.insert(Entry { seq, lane, next, attempt, is_lost: false, raw: Some(raw) });
        if stand == Stand::First {
            self.ready.push(Reverse(Place { seq, index }));
        }
    }

    /// Where a message stands in its lane, which is made or made longer for it.
    fn join(&mut self, name: &LaneName, index: usize) -> Stand {
        let lane = match self.lanes.entry(name.clone()) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                slot.insert(Lane { head: index, tail: index });
                return Stand::First;
            }
        };
        let stand = stand_in(&self.entries, lane, name.message_id());
        if stand.is_behind(lane.tail) {
            lane.tail = index;
        }
        stand
    }

    /// Lets `index` follow the one it stands behind; who followed that one until now follows it.
    fn link(&mut self, stand: Stand, index: usize) -> Option<usize> {
        match stand {
            Stand::First | Stand::InPlaceOf(_) => None,
            Stand::Last(before) | Stand::BehindCopy(before) => self.entries[before].next.replace(index),
        }
    }

    /// The broker sent again what it took from us: the new copy stands where the old one stood, and counts on.
    fn take_over(&mut self, index: usize, raw: Delivery) {
        let entry = &mut self.entries[index];
        entry.is_lost = false;
        self.given_back.extend(entry.raw.replace(raw));
    }

    /// What is worth waiting for, after what is due was made ready. `now` is asked only when something pauses.
    pub(crate) fn outlook(&mut self, now: impl FnOnce() -> Instant) -> Outlook {
        if !self.paused.is_empty() {
            self.wake_due(now());
        }
        let due = self.paused.peek().map(|Reverse((due, _))| *due);
        Outlook { may_go: self.may_go(), wants_more: !self.is_full(), due }
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some(Reverse((due, place))) = self.paused.peek().copied() {
            if due > now {
                return;
            }
            self.paused.pop();
            self.ready.push(Reverse(place));
        }
    }

    /// Hands out the oldest message that may go, if there is room. Lost ones on the way are forgotten: the broker
    /// sends them again, here or elsewhere.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        while self.may_go() {
            let Reverse(Place { index, .. }) = self.ready.pop()?;
            let entry = &mut self.entries[index];
            let is_lost = entry.cannot_be_settled();
            let (attempt, raw) = (entry.attempt, entry.raw.take()?);
            if !is_lost {
                self.in_hand += 1;
                return Some(Taken { index, attempt, raw });
            }
            self.given_back.push(raw);
            self.forget(index);
        }
        None
    }

    /// One in hand was settled at the raw side. Whether somebody who waits should look again.
    pub(crate) fn finish(&mut self, index: usize) -> bool {
        let was_full = self.is_full();
        self.in_hand -= 1;
        self.forget(index);
        self.may_go() || (was_full && !self.is_full())
    }

    /// One in hand comes back, to go out again as the next attempt. `Err` when nothing goes out any more: then it is
    /// still in hand.
    pub(crate) fn take_back(&mut self, index: usize, returned: Returned) -> Result<(), Delivery> {
        if !self.is_open {
            return Err(returned.raw);
        }
        self.in_hand -= 1;
        let entry = &mut self.entries[index];
        entry.attempt = entry.attempt.saturating_add(1);
        entry.is_lost = returned.is_lost;
        entry.raw = Some(returned.raw);
        let place = Place { seq: entry.seq, index };
        match returned.due {
            Some(due) => self.paused.push(Reverse((due, place))),
            None => self.ready.push(Reverse(place)),
        }
        Ok(())
    }

    /// Nothing goes out any more. Gives back what waits, the oldest first, except what stands behind one in hand:
    /// that follows when the one is settled.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
        self.ready.clear();
        self.paused.clear();
        let waiting = self.entries.iter().filter(|(_, entry)| entry.raw.is_some());
        let free = waiting.filter(|(_, entry)| !self.is_behind_one_in_hand(entry));
        let mut free: Vec<Place> = free.map(|(index, entry)| Place { seq: entry.seq, index }).collect();
        free.sort_unstable();
        for place in free {
            let entry = self.entries.remove(place.index);
            if let Some(name) = &entry.lane {
                self.lanes.remove(name);
            }
            self.given_back.extend(entry.raw);
        }
    }

    /// What must go back to the raw side, in this order.
    pub(crate) fn take_given_back(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.given_back)
    }

    fn may_go(&self) -> bool {
        self.in_hand < self.window.prefetch && !self.ready.is_empty()
    }

    /// One more than may be held is: see [`ordered`](crate::ordered).
    fn is_full(&self) -> bool {
        self.entries.len() > self.window.held_max
    }

    fn is_behind_one_in_hand(&self, entry: &Entry) -> bool {
        let lane = entry.lane.as_ref().and_then(|name| self.lanes.get(name));
        lane.is_some_and(|lane| self.entries[lane.head].raw.is_none())
    }

    /// The first of its lane is done with, and the next may go.
    fn forget(&mut self, index: usize) {
        let entry = self.entries.remove(index);
        if let Some(lane) = entry.lane.and_then(|name| self.lanes.remove(&name)) {
            self.promote(entry.next, lane.tail);
        }
    }

    /// Back with those that cannot be settled: they come again, in their order, behind whom they would stand in the
    /// way of. Back with all when nothing goes out any more.
    fn promote(&mut self, first: Option<usize>, tail: usize) {
        let mut next = first;
        while let Some(head) = next {
            let entry = &self.entries[head];
            if self.is_open && !entry.cannot_be_settled() {
                self.ready.push(Reverse(Place { seq: entry.seq, index: head }));
                self.lanes.extend(entry.lane.clone().map(|name| (name, Lane { head, tail })));
                return;
            }
            let entry = self.entries.remove(head);
            self.given_back.extend(entry.raw);
            next = entry.next;
        }
    }
}

impl Entry {
    fn cannot_be_settled(&self) -> bool {
        self.is_lost || self.raw.as_ref().is_some_and(Delivery::is_lost)
    }
}

impl Stand {
    fn is_behind(self, index: usize) -> bool {
        matches!(self, Self::Last(before) | Self::BehindCopy(before) if before == index)
    }
}

/// A message that is known already takes the place of its copy if that is lost, and stands next to it if it is not:
/// settled one after the other, neither is overtaken by what came later.
fn stand_in(entries: &Slab<Entry>, lane: &Lane, id: &str) -> Stand {
    let mut stand = Stand::Last(lane.tail);
    if id.is_empty() {
        return stand;
    }
    for index in std::iter::successors(Some(lane.head), |index| entries[*index].next) {
        let entry = &entries[index];
        if entry.lane.as_ref().is_none_or(|name| name.message_id() != id) {
            continue;
        }
        if entry.raw.is_some() && entry.cannot_be_settled() {
            return Stand::InPlaceOf(index);
        }
        if matches!(stand, Stand::Last(_)) {
            stand = Stand::BehindCopy(index);
        }
    }
    stand
}

#[cfg(test)]
impl Ledger {
    pub(crate) fn known(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn lanes(&self) -> usize {
        self.lanes.len()
    }
}
