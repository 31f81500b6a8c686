//! Stopping without cutting anybody off: said once, heard by everyone, and waited for.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

/// A handle to one stop; clones are the same stop.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    started: AtomicBool,
    start: Notify,
    /// Listeners and connections not yet at their end.
    open: watch::Sender<usize>,
}

/// Something that a drain waits for; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Open(Drain);

impl Drain {
    /// A stop that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts it: listeners stop accepting once they have taken what waits already, idle connections close, busy ones
    /// finish their response and close. Starting again changes nothing.
    pub fn start(&self) {
        self.0.started.store(true, Ordering::SeqCst);
        self.0.start.notify_waiters();
    }

    /// Whether it has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.0.started.load(Ordering::SeqCst)
    }

    /// Waits until it starts; at once when it has. Cancel-safe.
    pub async fn started(&self) {
        let mut start = pin!(self.0.start.notified());
        // Listening before looking: a start in between is not missed.
        start.as_mut().enable();
        if !self.has_started() {
            start.await;
        }
    }

    /// Waits until every listener and connection is closed; `false` when some are still open at `deadline`. For a
    /// drain that has started.
    pub async fn finished(&self, deadline: Instant) -> bool {
        let mut open = self.0.open.subscribe();
        timeout_at(deadline, open.wait_for(|open| *open == 0)).await.is_ok()
    }

    /// One more thing to wait for.
    pub(super) fn open(&self) -> Open {
        self.0.open.send_modify(|open| *open += 1);
        Open(self.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::Drain;
    use tokio::time::{Duration, Instant};

    #[tokio::test(start_paused = true)]
    async fn everyone_hears_the_start_early_or_late() {
        let drain = Drain::new();
        let early = tokio::spawn({
            let drain = drain.clone();
            async move { drain.started().await }
        });
        tokio::task::yield_now().await;
        assert!(!early.is_finished(), "nothing has started yet");
        drain.start();
        early.await.expect("who waited is woken");
        drain.started().await;
        assert!(drain.has_started(), "and stays so");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_finished_when_the_last_thing_is_closed_or_time_is_up() {
        let drain = Drain::new();
        let (one, other) = (drain.open(), drain.open());
        drain.start();
        drop(one);
        let soon = Instant::now() + Duration::from_secs(5);
        assert!(!drain.finished(soon).await, "one is still open");
        drop(other);
        assert!(drain.finished(Instant::now()).await, "nothing is left to wait for");
    }
}
