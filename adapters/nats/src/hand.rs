//! What one inbox has of its consumer: messages in hand, and how many more it has asked for.
//!
//! A message in hand is kept from going to somebody else by telling the server that it is still worked on, at a third
//! of the time the server waits. It survives a lost connection: NATS takes a late acknowledgement. When the server
//! sends it again in the meantime the copy is not handed out, only its newer name is used.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::link::{Link, outbound};
use crate::topology::{Consumer, Wanted};

const IN_PROGRESS: &[u8] = b"+WPI";
pub(crate) const GIVE_BACK: &[u8] = b"-NAK";

/// Shared by an inbox, its deliveries and the keeper.
pub(crate) struct Mailbox {
    pub(crate) link: Arc<Link>,
    pub(crate) wanted: Wanted,
    /// As the consumer has it, whoever made it.
    ack_wait: Duration,
    /// So many messages are in hand or asked for at most.
    capacity: usize,
    hand: Mutex<Hand>,
    waker: AtomicWaker,
    flags: Flags,
    /// Rises with each message that came.
    came: AtomicU64,
    /// Rises with each look of the keeper.
    ticks: AtomicU64,
    /// How often it was shut, and in the lowest bit whether it is open: what a predecessor had in hand, or a connection
    /// lost, is due again.
    door: AtomicU64,
}

#[derive(Default)]
struct Flags {
    /// Something changed that the inbox should look after.
    has_news: AtomicBool,
    /// The connection was lost, and with it maybe messages on their way.
    needs_opening: AtomicBool,
    /// The inbox is gone; deliveries of it may still be in hand.
    is_orphan: AtomicBool,
    /// The broker was closed.
    is_closed: AtomicBool,
    /// The consumer seems to be gone.
    needs_repair: AtomicBool,
    /// What was asked for does not come.
    needs_renewal: AtomicBool,
}

#[derive(Default)]
struct Hand {
    /// By its place in the stream.
    held: HashMap<u64, Held>,
    asked_for: usize,
}

struct Held {
    /// Where it is settled.
    subject: Subject,
    tell_at: Instant,
    epoch: u64,
    /// The server was told that it is done with, and may have taken it from its list.
    is_told: bool,
}

impl Mailbox {
    pub(crate) fn new(link: Arc<Link>, wanted: Wanted, consumer: &Consumer, capacity: usize) -> Self {
        Self {
            link,
            wanted,
            ack_wait: Duration::from_nanos(consumer.info.config.ack_wait_ns),
            capacity,
            hand: Mutex::default(),
            waker: AtomicWaker::new(),
            flags: Flags::default(),
            came: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            door: AtomicU64::new(0),
        }
    }

    pub(crate) const fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    pub(crate) fn wake(&self) {
        self.flags.has_news.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(crate) fn take_news(&self) -> bool {
        self.flags.has_news.load(Ordering::Acquire) && self.flags.has_news.swap(false, Ordering::AcqRel)
    }

    /// A clock that costs nothing to look at.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn wake_by(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Opens it, unless it was shut again after the time that `shuts` is of.
    pub(crate) fn open(&self, shuts: u64) {
        let (shut, open) = (shuts << 1, (shuts << 1) | 1);
        if self.door.compare_exchange(shut, open, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.wake();
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.door.load(Ordering::Acquire) & 1 == 1
    }

    /// Until what may have been lost on its way is due again, nothing is asked for, and nothing handed out that comes
    /// for the first time.
    pub(crate) fn shut(&self) {
        let again = |door: u64| Some(((door >> 1) + 1) << 1);
        let _ = self.door.fetch_update(Ordering::AcqRel, Ordering::Acquire, again);
        self.flags.needs_opening.store(true, Ordering::Release);
    }

    pub(crate) fn take_shut(&self) -> bool {
        self.flags.needs_opening.swap(false, Ordering::AcqRel)
    }

    /// How often it was shut: whoever opens it must not have waited for an earlier loss only.
    pub(crate) fn shuts(&self) -> u64 {
        self.door.load(Ordering::Acquire) >> 1
    }

    /// How many are in hand that the server waits for as well: those it was told of it may know to be done with,
    /// though its answer was lost.
    pub(crate) fn surely_pending(&self) -> usize {
        self.hand.lock().held.values().filter(|held| !held.is_told).count()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.flags.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_orphan(&self) -> bool {
        self.flags.is_orphan.load(Ordering::Acquire)
    }

    pub(crate) fn set_orphan(&self) {
        self.flags.is_orphan.store(true, Ordering::Release);
    }

    pub(crate) fn ask_for_repair(&self) {
        self.flags.needs_repair.store(true, Ordering::Release);
    }

    pub(crate) fn take_repair(&self) -> bool {
        self.flags.needs_repair.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn ask_for_renewal(&self) {
        self.flags.needs_renewal.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn take_renewal(&self) -> bool {
        self.flags.needs_renewal.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// A message came that was asked for. `false`: it is in hand already.
    pub(crate) fn take(&self, seq: u64, subject: Subject) -> bool {
        self.came.fetch_add(1, Ordering::Relaxed);
        let tell_at = Instant::now() + self.ack_wait / 3;
        let held = Held { subject, tell_at, epoch: self.link.epoch(), is_told: false };
        let mut hand = self.hand.lock();
        hand.asked_for = hand.asked_for.saturating_sub(1);
        match hand.held.entry(seq) {
            Entry::Vacant(slot) => {
                slot.insert(held);
                true
            }
            Entry::Occupied(mut slot) => {
                // It comes again, so the server waits for it, whatever it was told before.
                slot.insert(held);
                false
            }
        }
    }

    /// Where a message in hand is settled for good, which is about to be done.
    pub(crate) fn subject_to_finish(&self, seq: u64) -> Option<Subject> {
        let mut hand = self.hand.lock();
        let held = hand.held.get_mut(&seq)?;
        held.is_told = true;
        Some(held.subject.clone())
    }

    /// Where a message in hand is settled; `None` when it is not in hand any more.
    pub(crate) fn subject(&self, seq: u64) -> Option<Subject> {
        self.hand.lock().held.get(&seq).map(|held| held.subject.clone())
    }

    pub(crate) fn holds(&self, seq: u64) -> bool {
        self.hand.lock().held.contains_key(&seq)
    }

    /// It is settled, or left to the server.
    pub(crate) fn let_go(&self, seq: u64) -> Option<Subject> {
        let mut hand = self.hand.lock();
        let held = hand.held.remove(&seq);
        let may_ask = self.room(&hand) > 0;
        drop(hand);
        if may_ask {
            self.wake();
        }
        held.map(|held| held.subject)
    }

    /// How many more to ask for now: not one by one, but before the last one came.
    fn room(&self, hand: &Hand) -> usize {
        let free = self.capacity.saturating_sub(hand.held.len() + hand.asked_for);
        let is_worth_it = hand.asked_for == 0 || free >= self.capacity.div_ceil(4);
        if is_worth_it { free } else { 0 }
    }

    pub(crate) fn may_ask_for(&self) -> usize {
        self.room(&self.hand.lock())
    }

    pub(crate) fn asked_for(&self) -> usize {
        self.hand.lock().asked_for
    }

    /// Asked for so many more.
    pub(crate) fn asked(&self, more: usize) {
        self.hand.lock().asked_for += more;
    }

    /// So many of those will not come.
    pub(crate) fn asked_in_vain(&self, fewer: usize) {
        let mut hand = self.hand.lock();
        hand.asked_for = hand.asked_for.saturating_sub(fewer);
    }

    /// Tells the server of those in hand that are due for it. What outlived both its inbox and its connection is not
    /// kept any longer: somebody else may have begun.
    pub(crate) fn keep(&self, now: Instant) {
        let epoch = self.link.epoch();
        for subject in self.due(now, epoch) {
            if !self.link.send_now(outbound(subject, Bytes::from_static(IN_PROGRESS))) {
                return;
            }
        }
    }

    fn due(&self, now: Instant, epoch: u64) -> Vec<Subject> {
        let is_orphan = self.is_orphan();
        let mut hand = self.hand.lock();
        let due = hand.held.values_mut().filter(|held| {
            if is_orphan {
                held.epoch == epoch && held.tell_at <= now
            } else {
                held.epoch != epoch || held.tell_at <= now
            }
        });
        due.map(|held| {
            held.tell_at = now + self.ack_wait / 3;
            held.epoch = epoch;
            held.subject.clone()
        })
        .collect()
    }

    /// The broker is closed: the inbox ends, and what is in hand goes to others at once.
    pub(crate) fn close(&self) -> Vec<Subject> {
        self.flags.is_closed.store(true, Ordering::Release);
        let held = std::mem::take(&mut self.hand.lock().held);
        self.wake();
        held.into_values().map(|held| held.subject).collect()
    }
}
