//! Reading a queue's backlog from the journal into its window, in order, a page at a time.
//!
//! A pager is a task that lives while there is a backlog, room for it and somebody who reads the queue; none of
//! it is read for a queue that nobody reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::item::{Item, Keeping};
use crate::journal::{Journal, Journaled};
use crate::queue::{Queue, State};

/// Messages read from the journal at once.
const PAGE_MESSAGES_MAX: usize = 256;
/// What a message is taken to weigh before any was seen.
const MESSAGE_BYTES_GUESS: usize = 16 * 1024;
/// After a failed read of the journal.
const PAGE_RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What of the queue is only in the journal.
#[derive(Default)]
pub(crate) struct Backlog {
    /// Everything up to this position is in the window or gone.
    cursor: u64,
    /// Positions after the cursor that are in the window or gone all the same.
    ahead: BTreeSet<u64>,
    /// There may be other messages after the cursor.
    pub(crate) exists: bool,
    /// Something was appended behind the backlog since the page under way was asked for.
    pub(crate) grew: bool,
    /// A pager is at work.
    pub(crate) loading: bool,
    /// Messages that are left to the pager and not in the journal yet.
    pub(crate) in_line: usize,
}

impl Backlog {
    pub(crate) fn new(exists: bool) -> Self {
        Self { exists, ..Self::default() }
    }

    /// Whether a new message has to queue up behind others that are not in the window.
    pub(crate) fn is_there(&self) -> bool {
        self.exists || self.in_line > 0
    }

    /// A message of the window was written there.
    pub(crate) fn passed(&mut self, position: u64) {
        if self.exists {
            self.ahead.insert(position);
        } else {
            self.cursor = position;
        }
    }

    /// A message that is left to the pager was written there.
    pub(crate) fn joined(&mut self, position: u64) {
        self.in_line -= 1;
        // A pager may have been faster: it saw the committed row before the writer heard of the commit.
        if position > self.cursor {
            self.exists = true;
            self.grew = true;
        }
    }

    /// The pager read as far as this. False when the message there is in the window or gone.
    fn read(&mut self, position: u64) -> bool {
        self.cursor = position;
        !self.ahead.remove(&position)
    }

    /// The pager found no more.
    fn ended(&mut self) {
        self.exists = false;
        self.cursor = self.ahead.last().map_or(self.cursor, |last| self.cursor.max(*last));
        self.ahead.clear();
    }
}

impl Queue {
    pub(crate) fn page_in(self: &Arc<Self>) {
        let Some(journal) = &self.journal else { return };
        let mut state = self.state.lock();
        if state.backlog.loading || !self.wants_page(&state) {
            return;
        }
        state.backlog.loading = true;
        drop(state);
        tokio::spawn(load_pages(Arc::clone(self), Arc::clone(journal)));
    }

    /// An eighth of the window is free: pages of a few messages each would cost more than they bring.
    fn wants_page(&self, state: &State) -> bool {
        let (load, limits) = (state.window.durable(), &self.limits);
        state.backlog.exists
            && state.subscribers > 0
            // What the window holds and the journal is about to get must not be read as something new.
            && state.window.unwritten() == 0
            && load.has_room(
                limits.window_bytes_max / 8,
                limits.window_messages_max - limits.window_messages_max / 8,
                limits.window_bytes_max,
            )
    }

    /// Where to read on, and how much; `None` ends the pager.
    pub(crate) fn next_page(&self) -> Option<(u64, usize)> {
        let mut state = self.state.lock();
        if !self.wants_page(&state) {
            state.backlog.loading = false;
            return None;
        }
        state.backlog.grew = false;
        let load = state.window.durable();
        let average_bytes = load.bytes.checked_div(load.messages).unwrap_or(MESSAGE_BYTES_GUESS).max(1);
        let by_bytes = self.limits.window_bytes_max.saturating_sub(load.bytes) / average_bytes;
        let by_count = self.limits.window_messages_max - load.messages.min(self.limits.window_messages_max);
        Some((state.backlog.cursor, by_bytes.min(by_count).clamp(1, PAGE_MESSAGES_MAX)))
    }

    /// Takes a page that was read after the last [`Queue::next_page`].
    pub(crate) fn paged(&self, page: Vec<Journaled>, limit: usize) {
        let (now, now_ms) = (Instant::now(), (self.clock)());
        let mut state = self.state.lock();
        let is_last = page.len() < limit && !state.backlog.grew;
        for journaled in page {
            if state.backlog.read(journaled.position) {
                state.window.push(item(journaled, now, now_ms));
            }
        }
        if is_last {
            state.backlog.ended();
        }
        drop(state);
        self.news.notify_waiters();
        self.news.notify_one();
    }
}

fn item(journaled: Journaled, now: Instant, now_ms: u64) -> Item {
    let pause_ms = journaled.ready_at_ms.saturating_sub(now_ms);
    Item {
        bytes: journaled.message.weight_bytes(),
        message: journaled.message,
        keeping: Keeping::Journal(journaled.position),
        attempt: journaled.attempt,
        expires_at_ms: None,
        due: (pause_ms > 0).then(|| now + Duration::from_millis(pause_ms)),
    }
}

/// Fills the window from the journal until it is full or the journal has no more.
async fn load_pages(queue: Arc<Queue>, journal: Arc<dyn Journal>) {
    while let Some((after, limit)) = queue.next_page() {
        match journal.load(&queue.name, after, limit).await {
            Ok(page) => queue.paged(page, limit),
            Err(error) => {
                tracing::warn!(queue = %queue.name, %error, "cannot read the queue from the journal, trying again");
                tokio::time::sleep(PAGE_RETRY_PAUSE).await;
            }
        }
    }
}
