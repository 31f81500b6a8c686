//! One queue: its window in memory, what of it is still in the journal, and who waits for it.
//!
//! A durable message enters the window when it is published, or stays behind for the pager, never both: while older
//! ones are only in the journal, a new one goes there too, and the pager finds it in its turn. The lock is never
//! held across an await; whoever makes something ready wakes one waiting inbox, and an inbox that leaves something
//! ready wakes the next.

use std::sync::Arc;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BrokerError, Message};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::connect::Clock;
use crate::error;
use crate::haste::Haste;
use crate::item::{Item, Keeping};
use crate::journal::Journal;
use crate::limits::Limits;
use crate::paging::Backlog;
use crate::slip::Slip;
use crate::window::{Place, Taken, TakenBack, Ticket, Window};

/// Looking for expired messages in a full queue costs a look at each, so it is not done more often.
const DROP_EXPIRED_PAUSE_MS: u64 = 1_000;

pub(crate) struct Queue {
    pub(crate) name: CompactString,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) state: Mutex<State>,
    pub(crate) news: Notify,
}

pub(crate) struct State {
    pub(crate) window: Window,
    pub(crate) backlog: Backlog,
    /// Durable messages in memory, in the journal, and on their way there.
    durable_messages: usize,
    pub(crate) subscribers: usize,
    pub(crate) haste: Haste,
    expired_dropped_at_ms: u64,
}

/// Where a durable message went that was published.
pub(crate) struct Admitted {
    /// In the window; `None`: it is left to the pager.
    pub(crate) place: Option<Place>,
    /// Its consumer may well be done with it before it has to be written.
    pub(crate) can_wait: bool,
    /// The message before it of the same key, which must be in the journal first.
    pub(crate) follows: Option<Arc<Slip>>,
}

/// What an inbox found.
pub(crate) enum Found {
    Message(Taken),
    /// Nothing now; something given back is due then.
    Nothing {
        next_due: Option<Instant>,
    },
}

impl Queue {
    /// A queue that has `stored` messages in the journal. None is read before somebody subscribes.
    pub(crate) fn new(
        name: CompactString,
        limits: Limits,
        clock: Clock,
        journal: Option<Arc<dyn Journal>>,
        stored: usize,
    ) -> Self {
        let state = State {
            window: Window::default(),
            backlog: Backlog::new(stored > 0),
            durable_messages: stored,
            subscribers: 0,
            haste: Haste::default(),
            expired_dropped_at_ms: 0,
        };
        Self { name, limits, clock, journal, state: Mutex::new(state), news: Notify::new() }
    }

    /// Takes a message into memory only.
    pub(crate) fn push_transient(&self, item: Item) -> Result<(), BrokerError> {
        let mut state = self.state.lock();
        self.make_room(&mut state, &item)?;
        state.window.push(item);
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Whether [`Queue::push_transient`] would take `item` now.
    pub(crate) fn check_room(&self, item: &Item) -> Result<(), BrokerError> {
        self.make_room(&mut self.state.lock(), item)
    }

    /// Counts a durable message that is about to be appended.
    pub(crate) fn reserve(&self) -> Result<(), BrokerError> {
        let mut state = self.state.lock();
        if state.durable_messages >= self.limits.durable_messages_max {
            return Err(error::durable_full(&self.name, &self.limits));
        }
        state.durable_messages += 1;
        Ok(())
    }

    /// The message counted by [`Queue::reserve`] was not appended.
    pub(crate) fn unreserve(&self) {
        self.state.lock().durable_messages -= 1;
    }

    /// Takes the message counted by [`Queue::reserve`], which is about to get in line for the journal. With a slip
    /// it may be handed out at once. Called under the lock of the line, so that windows and journal have one order.
    pub(crate) fn admit(&self, message: &Arc<Message>, early: Option<&Arc<Slip>>) -> Admitted {
        let bytes = message.weight_bytes();
        let mut state = self.state.lock();
        let follows = message.key.as_ref().and_then(|key| state.window.early_head(key));
        if state.backlog.is_there() || !self.has_window_room(&state, bytes) {
            state.backlog.in_line += 1;
            return Admitted { place: None, can_wait: false, follows };
        }
        let ready = state.window.ready();
        let keeping = early.map_or(Keeping::Awaited, |slip| Keeping::Early(Arc::clone(slip)));
        let place = state.window.push(Item::durable(Arc::clone(message), bytes, keeping));
        let is_ready = state.window.ready() > ready;
        let can_wait = is_ready && state.is_taken_soon(ready);
        drop(state);
        if is_ready {
            self.news.notify_one();
        }
        Admitted { place: Some(place), can_wait, follows }
    }

    /// An admitted message is in the journal. Called in the order of positions.
    pub(crate) fn written(self: &Arc<Self>, place: Option<Place>, position: u64, has_waited: bool) {
        let mut state = self.state.lock();
        let is_ready = match place {
            Some(place) => {
                state.backlog.passed(position);
                state.window.written(place, position)
            }
            None => {
                state.backlog.joined(position);
                false
            }
        };
        if has_waited {
            state.haste.was_slow();
        }
        let has_backlog = state.backlog.exists;
        drop(state);
        self.announce(is_ready, has_backlog);
    }

    /// An admitted message is not in the journal, or may not be: then the pager will see, and the message stays
    /// counted, since a count too high is corrected by the next start, and one too low would let the queue outgrow
    /// its bound. Whether somebody has it all the same.
    pub(crate) fn refused(self: &Arc<Self>, place: Option<Place>, is_in_doubt: bool) -> bool {
        let mut state = self.state.lock();
        let taken_back = match place {
            Some(place) => state.window.refused(place),
            None => {
                state.backlog.in_line -= 1;
                TakenBack::Unseen
            }
        };
        match (taken_back, is_in_doubt) {
            (TakenBack::Unseen, false) => state.durable_messages -= 1,
            (TakenBack::Unseen, true) => {}
            // Counted for its place in memory already, and once more for that in the journal.
            (TakenBack::Seen | TakenBack::Gone, in_doubt) => state.durable_messages += usize::from(in_doubt),
        }
        if is_in_doubt {
            state.backlog.exists = true;
            state.backlog.grew = true;
        }
        let (has_ready, has_backlog) = (state.window.has_ready(), state.backlog.exists);
        drop(state);
        self.announce(has_ready, has_backlog);
        taken_back == TakenBack::Seen
    }

    fn announce(self: &Arc<Self>, has_ready: bool, has_backlog: bool) {
        if has_ready {
            self.news.notify_one();
        }
        if has_backlog {
            self.page_in();
        }
    }

    fn make_room(&self, state: &mut State, item: &Item) -> Result<(), BrokerError> {
        if state.backlog.is_there() && item.message.key.is_some() {
            return Err(error::would_overtake(&self.name));
        }
        if self.has_transient_room(state, item.bytes) {
            return Ok(());
        }
        let now_ms = (self.clock)();
        if now_ms >= state.expired_dropped_at_ms.saturating_add(DROP_EXPIRED_PAUSE_MS) {
            state.expired_dropped_at_ms = now_ms;
            state.window.drop_expired(now_ms);
        }
        if self.has_transient_room(state, item.bytes) {
            Ok(())
        } else {
            Err(error::transient_full(&self.name))
        }
    }

    fn has_transient_room(&self, state: &State, bytes: usize) -> bool {
        let limits = &self.limits;
        state.window.transient().has_room(bytes, limits.transient_messages_max, limits.transient_bytes_max)
    }

    fn has_window_room(&self, state: &State, bytes: usize) -> bool {
        let limits = &self.limits;
        state.window.durable().has_room(bytes, limits.window_messages_max, limits.window_bytes_max)
    }

    pub(crate) fn joined(self: &Arc<Self>, prefetch: usize) {
        let mut state = self.state.lock();
        state.subscribers += 1;
        state.haste.joined(prefetch);
        drop(state);
        self.page_in();
    }

    pub(crate) fn left(&self, prefetch: usize) {
        let mut state = self.state.lock();
        state.subscribers -= 1;
        state.haste.left(prefetch);
        drop(state);
        self.pass_on();
    }

    /// An inbox begins to wait for news, or ends to.
    pub(crate) fn waits(&self, does: bool) {
        self.state.lock().haste.waits(does);
    }

    /// Wakes another inbox: one that goes may have been woken for a message that it does not take.
    pub(crate) fn pass_on(&self) {
        self.news.notify_one();
    }

    /// To be made before [`Queue::take`] and awaited after it found nothing, so that no wake-up falls between.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// Hands the next message to `seat`.
    pub(crate) fn take(&self, seat: u64) -> Found {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.haste.asked(now);
        state.window.wake_due(now);
        let Some(taken) = state.window.take(seat, &*self.clock) else {
            return Found::Nothing { next_due: state.window.next_due() };
        };
        let others = state.subscribers > 1 && state.window.has_ready();
        drop(state);
        if others {
            self.news.notify_one();
        }
        Found::Message(taken)
    }

    /// Before the journal is told: nobody else may end the claim. False when the ticket is worthless.
    pub(crate) fn begin_settling(&self, ticket: Ticket) -> bool {
        self.state.lock().window.set_settling(ticket, true)
    }

    /// The journal failed: the claim is as before, or over when its inbox was closed meanwhile.
    pub(crate) fn stop_settling(&self, ticket: Ticket, is_closed: bool) {
        let mut state = self.state.lock();
        state.window.set_settling(ticket, false);
        let released = is_closed && state.window.release(ticket, None);
        drop(state);
        if released {
            self.news.notify_one();
        }
    }

    /// Done with: removed from the journal before, where it was there. False when the ticket is worthless.
    pub(crate) fn finish(self: &Arc<Self>, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        let finished = state.window.finish(ticket);
        if let Some(finished) = finished {
            state.durable_messages = state.durable_messages.saturating_sub(usize::from(finished.was_durable));
            if finished.was_elided {
                state.haste.was_quick();
            }
        }
        let (has_ready, has_backlog) = (state.window.has_ready(), state.backlog.exists);
        drop(state);
        self.announce(has_ready, has_backlog);
        finished.is_some()
    }

    /// Back to where it stood, at once or not before `due`. False when the ticket is worthless.
    pub(crate) fn release(&self, ticket: Ticket, due: Option<Instant>) -> bool {
        let held = self.state.lock().window.release(ticket, due);
        match due {
            // Everybody who waits must know how long to sleep.
            Some(_) => self.news.notify_waiters(),
            None => self.news.notify_one(),
        }
        held
    }

    /// The inbox was closed: what it holds and is not just settling goes to others.
    pub(crate) fn release_seat(&self, seat: u64) {
        if self.state.lock().window.release_seat(seat) > 0 {
            self.news.notify_one();
        }
    }

    /// Messages that wait to be handed out, in memory and in the journal.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        (state.durable_messages + state.window.transient().messages).saturating_sub(state.window.claimed())
    }

    /// Nobody reads it and it holds nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.subscribers == 0 && state.durable_messages == 0 && state.window.is_empty()
    }
}

impl State {
    /// Whether a consumer has room for a message behind `ready` others and asks for messages.
    fn is_taken_soon(&mut self, ready: usize) -> bool {
        let has_room = self.haste.prefetch() > self.window.claimed() + ready;
        has_room && self.haste.is_worth_waiting(Instant::now())
    }
}
