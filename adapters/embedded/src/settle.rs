//! Settling: the journal first, then the window, so that what was acknowledged cannot come back after a restart.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, BrokerError, Settle};
use tokio::time::Instant;

use crate::connect::Shared;
use crate::error;
use crate::item::Keeping;
use crate::queue::Queue;
use crate::subscribe::Seat;
use crate::window::Taken;

/// A message can be given back for a year at most; more is a mistake in a schedule.
const PAUSE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// One delivery's side of the broker.
pub(crate) struct Claim {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    seat: Arc<Seat>,
    taken: Taken,
}

impl Claim {
    pub(crate) fn new(shared: &Arc<Shared>, queue: &Arc<Queue>, seat: &Arc<Seat>, taken: Taken) -> Self {
        Self { shared: Arc::clone(shared), queue: Arc::clone(queue), seat: Arc::clone(seat), taken }
    }

    async fn finish(&mut self) -> Result<(), BrokerError> {
        self.begin()?;
        let position = match &self.taken.keeping {
            Keeping::Journal(position) => Some(*position),
            Keeping::Early(slip) => slip.settle().await,
            Keeping::Memory | Keeping::Awaited | Keeping::Refused => None,
        };
        if let (Some(journal), Some(position)) = (&self.shared.journal, position) {
            let removed = journal.remove(vec![position]).await;
            self.check(removed)?;
        }
        let held = self.queue.finish(self.taken.ticket);
        if let Keeping::Early(slip) = &self.taken.keeping {
            slip.tell_settled();
        }
        self.end(held)
    }

    async fn give_back(&mut self, after: Duration) -> Result<(), BrokerError> {
        let after = after.min(PAUSE_MAX);
        self.begin()?;
        let position = self.written().await;
        if let (Some(journal), Some(position)) = (&self.shared.journal, position) {
            let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            let ready_at_ms = (self.shared.clock)().saturating_add(after_ms);
            let postponed = journal.postpone(position, self.taken.attempt, ready_at_ms).await;
            self.check(postponed)?;
        }
        let due = (!after.is_zero()).then(|| Instant::now() + after);
        let held = self.queue.release(self.taken.ticket, due);
        self.end(held)
    }

    /// Where the message stands in the journal, and it goes there first if it must. `None`: it lives in memory. That
    /// includes what the journal refused: its publisher was told, and nobody else counts on it.
    async fn written(&self) -> Option<u64> {
        match (&self.taken.keeping, &self.shared.writer) {
            (Keeping::Journal(position), _) => Some(*position),
            (Keeping::Early(slip), Some(writer)) => {
                writer.hurry(slip);
                slip.position().await
            }
            _ => None,
        }
    }

    /// Only what takes time can be interrupted.
    fn begin(&self) -> Result<(), BrokerError> {
        if matches!(self.taken.keeping, Keeping::Memory) {
            return Ok(());
        }
        let held = self.queue.begin_settling(self.taken.ticket);
        if held { Ok(()) } else { Err(self.lost()) }
    }

    fn check(&self, journaled: Result<(), BrokerError>) -> Result<(), BrokerError> {
        if journaled.is_err() {
            self.queue.stop_settling(self.taken.ticket, self.seat.is_closed());
        }
        journaled
    }

    fn end(&self, held: bool) -> Result<(), BrokerError> {
        if !held {
            return Err(self.lost());
        }
        self.seat.settled_one();
        Ok(())
    }

    fn lost(&self) -> BrokerError {
        error::claim_lost(&self.taken.message.id)
    }
}

impl Settle for Claim {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish())
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.give_back(after))
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish())
    }

    /// There is no time limit on deliveries here.
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn abandon(&mut self) {
        self.queue.release(self.taken.ticket, None);
        self.seat.settled_one();
    }
}
