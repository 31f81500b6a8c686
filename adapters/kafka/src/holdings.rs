//! What one consumer has in hand: shared by its thread, which fetches and commits, its inbox, which hands out, and the
//! deliveries, which settle. Settling needs no hop to the thread: it is noted here, and committed soon after.
//!
//! Every share of a partition has an epoch. A delivery of an earlier epoch is lost: its partition was taken away, maybe
//! given back since, and the message comes again to whoever owns it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use sidegate_broker::Message;
use tokio::sync::Notify;

use crate::watermark::{Arrival, Watermark};

/// A message that takes very long keeps the position where it is. So many may be finished behind it before no more are
/// taken: a bound on what runs again where notes are lost.
const LEAD_MAX: u64 = 50_000;

/// See the module's docs.
pub(crate) struct Holdings {
    state: Mutex<State>,
    /// For the inbox: a message came, or the end.
    arrived: Notify,
    /// For the thread: there is room again, or the end.
    news: Condvar,
}

struct State {
    shares: HashMap<i32, Share>,
    waiting: VecDeque<Held>,
    /// Arrived and not settled, whether waiting here or handed out.
    held: usize,
    held_max: usize,
    epoch_next: u64,
    phase: Phase,
}

/// One partition, while it is owned.
struct Share {
    epoch: u64,
    watermark: Watermark,
    held: usize,
    /// It goes to somebody else as soon as what is in hand is settled.
    is_leaving: bool,
    /// The position or the note changed since the last commit.
    is_dirty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The inbox is gone: what was handed out may still be settled.
    Draining,
    Closed,
}

/// The right to settle one handing-out of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    epoch: u64,
}

/// A record on its way to the inbox.
pub(crate) struct Held {
    pub(crate) ticket: Ticket,
    pub(crate) message: Arc<Message>,
    pub(crate) attempt: u32,
}

/// A record as it came from the broker.
pub(crate) struct Arrived {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// `None`: it is for somebody else, and done with.
    pub(crate) message: Option<Message>,
}

/// What is to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) note: String,
}

/// What the thread is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Fetch.
    Fetch,
    /// Everything is full: only stay in the group.
    Wait,
    /// The inbox is gone; messages are still in hand.
    Drain,
    /// Commit and leave.
    Leave,
}

/// The ticket is worth nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

impl Holdings {
    pub(crate) fn new(held_max: usize) -> Self {
        let state = State {
            shares: HashMap::new(),
            waiting: VecDeque::new(),
            held: 0,
            held_max,
            epoch_next: 0,
            phase: Phase::Open,
        };
        Self { state: Mutex::new(state), arrived: Notify::new(), news: Condvar::new() }
    }

    /// A partition is ours from now on.
    pub(crate) fn take_on(&self, partition: i32, watermark: Watermark) {
        let mut state = self.state.lock();
        state.let_go(partition);
        let epoch = state.epoch_next;
        state.epoch_next += 1;
        let share = Share { epoch, watermark, held: 0, is_leaving: false, is_dirty: false };
        state.shares.insert(partition, share);
    }

    /// Partitions will go to somebody else: nothing more of them is handed out.
    pub(crate) fn announce_leave(&self, partitions: &[i32]) {
        let mut state = self.state.lock();
        for partition in partitions {
            if let Some(share) = state.shares.get_mut(partition) {
                share.is_leaving = true;
            }
            state.drop_waiting(*partition);
        }
    }

    /// Partitions are not ours any more.
    pub(crate) fn let_go(&self, partitions: &[i32]) {
        let mut state = self.state.lock();
        partitions.iter().for_each(|partition| state.let_go(*partition));
        drop(state);
        self.news.notify_all();
    }

    /// None is ours any more.
    pub(crate) fn let_go_of_all(&self) {
        let partitions: Vec<i32> = self.state.lock().shares.keys().copied().collect();
        self.let_go(&partitions);
    }

    /// How many messages of these partitions are in hand.
    pub(crate) fn held_of(&self, partitions: &[i32]) -> usize {
        let state = self.state.lock();
        partitions.iter().filter_map(|partition| state.shares.get(partition)).map(|share| share.held).sum()
    }

    /// Records came from the broker, in the order of their partitions. Those of partitions that are not ours are
    /// nobody's: they are fetched again by their owner.
    pub(crate) fn arrive(&self, records: impl IntoIterator<Item = Arrived>) {
        let mut state = self.state.lock();
        records.into_iter().for_each(|record| state.arrive(record));
        drop(state);
        self.arrived.notify_one();
    }

    /// What the thread is to do now.
    pub(crate) fn duty(&self) -> Duty {
        let state = self.state.lock();
        match state.phase {
            Phase::Closed => Duty::Leave,
            Phase::Draining if state.held == 0 => Duty::Leave,
            Phase::Draining => Duty::Drain,
            Phase::Open if state.has_room() => Duty::Fetch,
            Phase::Open => Duty::Wait,
        }
    }

    /// How many more may come.
    pub(crate) fn room(&self) -> usize {
        let state = self.state.lock();
        state.held_max.saturating_sub(state.held)
    }

    /// Whether there is anything that a settling or a commit may be waiting for.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        state.held > 0 || state.shares.values().any(|share| share.is_dirty)
    }

    /// Waits until there is room, or nothing more to wait for, at most so long.
    pub(crate) fn wait_for_room(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.state.lock();
        while state.phase == Phase::Open && !state.has_room() {
            if self.news.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    /// The next for the inbox; `Err` at the end.
    pub(crate) fn next(&self) -> Result<Option<Held>, Lost> {
        let mut state = self.state.lock();
        if state.phase == Phase::Open { Ok(state.waiting.pop_front()) } else { Err(Lost) }
    }

    /// Until [`Holdings::next`] may have something.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// It is done with.
    pub(crate) fn finish(&self, ticket: Ticket) -> Result<(), Lost> {
        let mut state = self.state.lock();
        if state.phase == Phase::Closed {
            return Err(Lost);
        }
        let had_room = state.has_room();
        let share = state.share_of(ticket).ok_or(Lost)?;
        share.watermark.finish(ticket.offset);
        share.is_dirty = true;
        share.held -= 1;
        state.held -= 1;
        drop(state);
        if !had_room {
            self.news.notify_all();
        }
        Ok(())
    }

    /// It was not done: the inbox hands it out again, or the broker, if the inbox is gone.
    pub(crate) fn give_back(&self, held: Held) -> Result<(), Lost> {
        let mut state = self.state.lock();
        let is_open = state.phase == Phase::Open;
        let share = state.share_of(held.ticket).ok_or(Lost)?;
        if is_open && !share.is_leaving {
            state.waiting.push_front(held);
            drop(state);
            self.arrived.notify_one();
            return Ok(());
        }
        share.held -= 1;
        state.held -= 1;
        drop(state);
        self.news.notify_all();
        Ok(())
    }

    /// Whether it goes, or went, to somebody else.
    pub(crate) fn is_lost(&self, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        state.phase == Phase::Closed || state.share_of(ticket).is_none_or(|share| share.is_leaving)
    }

    /// Whether it can still be settled.
    pub(crate) fn can_finish(&self, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        state.phase != Phase::Closed && state.share_of(ticket).is_some()
    }

    /// What changed since the last time, for a commit.
    pub(crate) fn take_marks(&self) -> Vec<Mark> {
        let mut state = self.state.lock();
        let dirty = state.shares.iter_mut().filter(|(_, share)| share.is_dirty);
        dirty.filter_map(|(partition, share)| share.mark(*partition)).collect()
    }

    /// The same of these partitions only.
    pub(crate) fn take_marks_of(&self, partitions: &[i32]) -> Vec<Mark> {
        let mut state = self.state.lock();
        let mut mark = |partition: &i32| {
            state.shares.get_mut(partition).filter(|share| share.is_dirty)?.mark(*partition)
        };
        partitions.iter().filter_map(&mut mark).collect()
    }

    /// A commit failed: all is to be committed again.
    pub(crate) fn mark_again(&self) {
        self.state.lock().shares.values_mut().for_each(|share| share.is_dirty = true);
    }

    /// The inbox is gone.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Draining;
            let partitions: Vec<i32> = state.shares.keys().copied().collect();
            partitions.iter().for_each(|partition| state.drop_waiting(*partition));
        }
        drop(state);
        self.news.notify_all();
    }

    /// Nothing is handed out or settled any more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        state.waiting.clear();
        drop(state);
        self.news.notify_all();
        self.arrived.notify_one();
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.held < self.held_max && self.shares.values().all(|share| share.watermark.lead() < LEAD_MAX)
    }

    fn arrive(&mut self, Arrived { partition, offset, message }: Arrived) {
        let Some(share) = self.shares.get_mut(&partition) else { return };
        if share.is_leaving || self.phase != Phase::Open {
            return;
        }
        match share.watermark.arrive(offset) {
            Arrival::Known => return,
            Arrival::Finished => {
                share.is_dirty = true;
                return;
            }
            Arrival::New => {}
        }
        let Some(message) = message else {
            share.watermark.finish(offset);
            share.is_dirty = true;
            return;
        };
        share.held += 1;
        self.held += 1;
        let ticket = Ticket { partition, offset, epoch: share.epoch };
        self.waiting.push_back(Held { ticket, message: Arc::new(message), attempt: 1 });
    }

    fn share_of(&mut self, ticket: Ticket) -> Option<&mut Share> {
        self.shares.get_mut(&ticket.partition).filter(|share| share.epoch == ticket.epoch)
    }

    fn let_go(&mut self, partition: i32) {
        self.drop_waiting(partition);
        if let Some(share) = self.shares.remove(&partition) {
            self.held -= share.held;
        }
    }

    /// What was not handed out goes back to the broker; it is not finished, so that it comes again.
    fn drop_waiting(&mut self, partition: i32) {
        let before = self.waiting.len();
        self.waiting.retain(|held| held.ticket.partition != partition);
        let dropped = before - self.waiting.len();
        if let Some(share) = self.shares.get_mut(&partition) {
            share.held -= dropped;
            self.held -= dropped;
        }
    }
}

impl Share {
    fn mark(&mut self, partition: i32) -> Option<Mark> {
        self.is_dirty = false;
        let offset = self.watermark.position()?;
        Some(Mark { partition, offset, note: self.watermark.note() })
    }
}

#[cfg(test)]
#[path = "holdings_laws.rs"]
mod laws;
