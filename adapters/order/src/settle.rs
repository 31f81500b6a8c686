//! Settling: for good at the raw side, for another attempt in the ledger.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, BrokerError, Delivery, ErrorKind, Settle, SettleError};
use tokio::time::Instant;

use crate::inbox::Shared;
use crate::ledger::Returned;

/// A message can be given back for a year at most; more is a mistake in a schedule.
const PAUSE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A message that could not be settled comes again after this, not at once: while the broker is away its consumer
/// would do nothing else.
const AFTER_FAILED_SETTLING: Duration = Duration::from_millis(250);

/// One delivery in the caller's hands.
pub(crate) struct InHand {
    shared: Arc<Shared>,
    /// Its name in the ledger; `None` once it has left our hands.
    index: Option<usize>,
    /// `None` while it is being settled, and after.
    raw: Option<Delivery>,
    trouble: Trouble,
}

/// How settling went so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Failed,
    /// It went back to the broker, which delivers it again by itself.
    Lost,
}

impl InHand {
    pub(crate) fn new(shared: &Arc<Shared>, index: usize, raw: Delivery) -> Self {
        Self { shared: Arc::clone(shared), index: Some(index), raw: Some(raw), trouble: Trouble::None }
    }

    async fn settle<F>(&mut self, how: impl FnOnce(Delivery) -> F) -> Result<(), BrokerError>
    where
        F: Future<Output = Result<(), SettleError>>,
    {
        let Some(raw) = self.raw.take() else { return Ok(()) };
        match how(raw).await {
            Ok(()) => {
                self.leave();
                Ok(())
            }
            Err(SettleError { error, delivery }) => {
                self.raw = Some(delivery);
                let is_lost = error.kind == ErrorKind::Closed;
                self.trouble = if is_lost { Trouble::Lost } else { Trouble::Failed };
                Err(error)
            }
        }
    }

    /// Back into the ledger; `false` when the inbox is gone, and the delivery still in hand.
    fn put_back(&mut self, after: Duration) -> bool {
        let (Some(index), Some(raw)) = (self.index, self.raw.take()) else { return false };
        let due = (!after.is_zero()).then(|| Instant::now() + after.min(PAUSE_MAX));
        let is_lost = self.trouble == Trouble::Lost;
        match self.shared.take_back(index, Returned { raw, is_lost, due }) {
            Ok(()) => self.index = None,
            Err(raw) => self.raw = Some(raw),
        }
        self.index.is_none()
    }

    /// Out of the ledger.
    fn leave(&mut self) {
        if let Some(index) = self.index.take() {
            self.shared.finish(index);
        }
    }
}

impl Settle for InHand {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.settle(Delivery::ack))
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        if self.put_back(after) {
            return Box::pin(std::future::ready(Ok(())));
        }
        Box::pin(self.settle(move |raw| raw.retry(after)))
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.settle(Delivery::reject))
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        match &mut self.raw {
            Some(raw) => Box::pin(raw.extend()),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn is_lost(&self) -> bool {
        self.trouble == Trouble::Lost || self.raw.as_ref().is_some_and(Delivery::is_lost)
    }

    /// A lost one is left to the broker. So is one whose settling was broken off: whether it was settled nobody knows.
    fn abandon(&mut self) {
        let after = if self.trouble == Trouble::None { Duration::ZERO } else { AFTER_FAILED_SETTLING };
        if self.is_lost() || !self.put_back(after) {
            self.raw = None;
            self.leave();
        }
    }
}
