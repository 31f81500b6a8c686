//! Who waits for an answer of the server: to a message stored, a delivery settled, a question to JetStream's API.
//!
//! One wildcard subscription serves all of them, and whoever gives up takes its entry along. The client library's own
//! requests are not used: each that times out stays in its memory for the life of the client (async-nats #1617), and
//! after a lost connection they wait their whole timeout. Here all who wait are told at once that it is lost.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::{Message, Subject};
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Everybody who waits.
pub(crate) struct Confirms {
    /// Ends in a dot.
    prefix: String,
    waiting: Mutex<Slab<Waiting>>,
    nonce_next: AtomicU32,
}

struct Waiting {
    nonce: u32,
    until: Instant,
    answer: oneshot::Sender<Result<Message, Missed>>,
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    Late,
    ConnectionLost,
}

/// One who waits; dropped, it waits no longer.
pub(crate) struct Expected<'a> {
    confirms: &'a Confirms,
    index: usize,
    nonce: u32,
    answer: oneshot::Receiver<Result<Message, Missed>>,
}

impl Confirms {
    /// `prefix` is a subject that nobody else uses.
    pub(crate) fn new(prefix: &str) -> Self {
        let nonce_next = AtomicU32::new(fastrand::u32(..));
        Self { prefix: format!("{prefix}."), waiting: Mutex::default(), nonce_next }
    }

    /// What to subscribe to.
    pub(crate) fn all(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// The reply subject to send along, and the answer that comes to it. Timeouts are swept, not timed one by one,
    /// so `until` is exact to a tick of the keeper.
    pub(crate) fn expect(&self, within: Duration) -> (Subject, Expected<'_>) {
        let nonce = self.nonce_next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting { nonce, until: Instant::now() + within, answer: sender };
        let index = self.waiting.lock().insert(waiting);
        (self.subject(index, nonce), Expected { confirms: self, index, nonce, answer })
    }

    fn subject(&self, index: usize, nonce: u32) -> Subject {
        let mut subject = String::with_capacity(self.prefix.len() + 16);
        subject.push_str(&self.prefix);
        let token = (u64::from(nonce) << 32) | index as u64;
        for shift in (0..16).rev() {
            let digit = ((token >> (shift * 4)) & 0xf) as u32;
            subject.push(char::from_digit(digit, 16).unwrap_or('0'));
        }
        subject.into()
    }

    /// An answer came.
    pub(crate) fn answer(&self, message: Message) {
        let token = message.subject.strip_prefix(&self.prefix).unwrap_or_default();
        let Ok(token) = u64::from_str_radix(token, 16) else { return };
        let nonce = (token >> 32) as u32;
        let index = (token & u64::from(u32::MAX)) as usize;
        if let Some(waiting) = self.take(index, nonce) {
            let _ = waiting.answer.send(Ok(message));
        }
    }

    /// Whatever was asked is lost with the connection.
    pub(crate) fn connection_lost(&self) {
        let lost: Vec<_> = self.waiting.lock().drain().collect();
        for waiting in lost {
            let _ = waiting.answer.send(Err(Missed::ConnectionLost));
        }
    }

    /// Tells those whose time has run out.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut waiting = self.waiting.lock();
        let late: Vec<_> =
            waiting.iter().filter(|(_, waiting)| waiting.until <= now).map(|(index, _)| index).collect();
        let late: Vec<_> = late.into_iter().map(|index| waiting.remove(index)).collect();
        drop(waiting);
        for waiting in late {
            let _ = waiting.answer.send(Err(Missed::Late));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    fn take(&self, index: usize, nonce: u32) -> Option<Waiting> {
        let mut waiting = self.waiting.lock();
        let is_it = waiting.get(index).is_some_and(|waiting| waiting.nonce == nonce);
        is_it.then(|| waiting.remove(index))
    }
}

impl Expected<'_> {
    /// Waits for it.
    pub(crate) async fn answer(mut self) -> Result<Message, Missed> {
        (&mut self.answer).await.unwrap_or(Err(Missed::ConnectionLost))
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.confirms.take(self.index, self.nonce);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_nats::{Message, Subject};
    use tokio::time::Instant;

    use super::{Confirms, Missed};

    const LONG: Duration = Duration::from_secs(60);

    fn message(subject: Subject) -> Message {
        let payload = bytes::Bytes::new();
        Message { subject, reply: None, payload, headers: None, status: None, description: None, length: 0 }
    }

    #[tokio::test]
    async fn an_answer_finds_who_waits_for_it_and_nobody_else() {
        let confirms = Confirms::new("_INBOX.test");
        let (first, waits_first) = confirms.expect(LONG);
        let (second, waits_second) = confirms.expect(LONG);
        confirms.answer(message(second.clone()));
        assert_eq!(waits_second.answer().await.expect("answered").subject, second, "its own answer");
        confirms.answer(message(first.clone()));
        assert_eq!(waits_first.answer().await.expect("answered").subject, first, "the other one's");
        let (_, waits_third) = confirms.expect(LONG);
        confirms.answer(message(first));
        assert_eq!(confirms.len(), 1, "an old answer is not taken for a new one in the same place");
        drop(waits_third);
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_nothing_behind() {
        let confirms = Confirms::new("_INBOX.test");
        for _ in 0..1_000 {
            let (_, waiting) = confirms.expect(LONG);
            drop(waiting);
        }
        assert_eq!(confirms.len(), 0, "a request that timed out must not leak");
    }

    #[tokio::test]
    async fn those_who_wait_are_told_of_a_lost_connection_and_of_lost_time() {
        let confirms = Confirms::new("_INBOX.test");
        let (_, waiting) = confirms.expect(LONG);
        confirms.connection_lost();
        assert_eq!(
            waiting.answer().await.expect_err("lost"),
            Missed::ConnectionLost,
            "at once, not in a minute"
        );
        let (_, waiting) = confirms.expect(Duration::ZERO);
        confirms.sweep(Instant::now());
        assert_eq!(waiting.answer().await.expect_err("late"), Missed::Late);
        assert_eq!(confirms.len(), 0, "and their entries are gone");
    }
}
