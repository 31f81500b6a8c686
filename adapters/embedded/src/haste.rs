//! Whether a queue's consumers are likely to settle a message before it has to be written. A guess: it decides
//! how long a message waits for the journal, never what becomes of it.

use std::time::Duration;

use tokio::time::Instant;

/// Consumers that asked for nothing during this time are busy with something else.
const ASKED_WITHIN: Duration = Duration::from_millis(20);
/// So many messages in a row that waited for nothing: their consumers are slow.
const SLOW_MAX: u32 = 16;
/// Of slow consumers so many messages are written at once before another one waits, to see whether they are still.
const TRIED_EVERY: u32 = 64;

#[derive(Default)]
pub(crate) struct Haste {
    /// What all subscriptions together may hold unsettled.
    prefetch: usize,
    /// Inboxes that wait for a message now.
    waiting: usize,
    asked_at: Option<Instant>,
    /// Messages that waited for nothing since the last that did not.
    slow: u32,
    untried: u32,
}

impl Haste {
    pub(crate) fn prefetch(&self) -> usize {
        self.prefetch
    }

    pub(crate) fn joined(&mut self, prefetch: usize) {
        self.prefetch = self.prefetch.saturating_add(prefetch);
    }

    pub(crate) fn left(&mut self, prefetch: usize) {
        self.prefetch = self.prefetch.saturating_sub(prefetch);
    }

    /// An inbox begins to wait, or ends to.
    pub(crate) fn waits(&mut self, does: bool) {
        if does {
            self.waiting += 1;
        } else {
            self.waiting -= 1;
        }
    }

    /// An inbox asked for a message.
    pub(crate) fn asked(&mut self, now: Instant) {
        self.asked_at = Some(now);
    }

    /// A message was settled before it was written.
    pub(crate) fn was_quick(&mut self) {
        self.slow = 0;
    }

    /// A message waited and had to be written all the same.
    pub(crate) fn was_slow(&mut self) {
        self.slow = self.slow.saturating_add(1);
    }

    pub(crate) fn is_worth_waiting(&mut self, now: Instant) -> bool {
        let asks = self.waiting > 0 || self.asked_at.is_some_and(|at| now.duration_since(at) < ASKED_WITHIN);
        asks && self.is_quick()
    }

    fn is_quick(&mut self) -> bool {
        if self.slow < SLOW_MAX {
            return true;
        }
        self.untried = (self.untried + 1) % TRIED_EVERY;
        self.untried == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{ASKED_WITHIN, Haste, SLOW_MAX, TRIED_EVERY};

    #[test]
    fn only_consumers_that_ask_are_waited_for() {
        let (mut haste, now) = (Haste::default(), Instant::now());
        assert!(!haste.is_worth_waiting(now), "nobody ever asked");
        haste.waits(true);
        assert!(
            haste.is_worth_waiting(now + Duration::from_secs(60)),
            "somebody waits, however long already"
        );
        haste.waits(false);
        haste.asked(now);
        assert!(
            haste.is_worth_waiting(now + ASKED_WITHIN / 2),
            "between two messages nobody waits for a moment"
        );
        assert!(!haste.is_worth_waiting(now + ASKED_WITHIN), "who asks no more is not waited for");
    }

    #[test]
    fn slow_consumers_are_tried_now_and_then_and_forgiven() {
        let (mut haste, now) = (Haste::default(), Instant::now());
        haste.waits(true);
        (0..SLOW_MAX).for_each(|_| haste.was_slow());
        let waited = (0..10 * TRIED_EVERY).filter(|_| haste.is_worth_waiting(now)).count();
        assert_eq!(waited, 10, "one message of {TRIED_EVERY} waits for consumers known to be slow");
        haste.was_quick();
        assert!((0..10).all(|_| haste.is_worth_waiting(now)), "a quick one changes the guess at once");
    }
}
