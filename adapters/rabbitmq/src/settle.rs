//! Settling a delivery on the channel that brought it.
//!
//! What the gateway rejects it has parked before, so that is acknowledged like what is done: `basic.reject` would put
//! a second copy among the dead letters, where nobody looks for it.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicRejectOptions};
use sidegate_broker::{BoxFuture, BrokerError, Effect, Settle};
use tokio::time::timeout;

use crate::error;
use crate::station::Station;

/// How long the broker has to process a settlement.
const SETTLE_LIMIT: Duration = Duration::from_secs(5);

/// One delivery.
pub(crate) struct Hold {
    station: Arc<Station>,
    acker: Acker,
    tag: u64,
    message_id: CompactString,
}

impl Hold {
    pub(crate) fn new(station: &Arc<Station>, acker: Acker, tag: u64, message_id: CompactString) -> Self {
        station.hold(tag, acker.clone());
        Self { station: Arc::clone(station), acker, tag, message_id }
    }

    /// `Ok`: the broker has it, not only the socket.
    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        let settling = async {
            let is_written = self.acker.ack(BasicAckOptions::default()).await;
            self.written(&is_written)?;
            self.station
                .processed()
                .await
                .map_err(|_| error::delivery_lost(&self.message_id, Effect::Unknown))
        };
        self.in_time(settling).await
    }

    async fn return_now(&mut self) -> Result<(), BrokerError> {
        let settling = async {
            let is_written = self.acker.reject(BasicRejectOptions { requeue: true }).await;
            self.written(&is_written)
        };
        self.in_time(settling).await
    }

    /// The library says `Ok(false)` where the channel has ended, or the delivery was given back from here.
    fn written(&self, is_written: &lapin::Result<bool>) -> Result<(), BrokerError> {
        match is_written {
            Ok(true) => {
                self.station.release(self.tag);
                Ok(())
            }
            Ok(false) => Err(error::delivery_lost(&self.message_id, Effect::NotApplied)),
            Err(_) => Err(error::delivery_lost(&self.message_id, Effect::Unknown)),
        }
    }

    async fn in_time(
        &self,
        settling: impl Future<Output = Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let late = || error::settle_unanswered(&self.message_id, SETTLE_LIMIT);
        timeout(SETTLE_LIMIT, settling).await.unwrap_or_else(|_| Err(late()))
    }
}

impl Settle for Hold {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.acknowledge())
    }

    /// Pauses are kept on this side of the broker, by `sidegate_order`.
    fn retry(&mut self, _: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.return_now())
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.acknowledge())
    }

    /// Nothing to renew: the broker's limit on a delivery cannot be moved, see `hold_max_ms`.
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        let lost = self.is_lost().then(|| error::delivery_lost(&self.message_id, Effect::NotApplied));
        Box::pin(std::future::ready(lost.map_or(Ok(()), Err)))
    }

    fn is_lost(&self) -> bool {
        !self.acker.usable()
    }

    fn abandon(&mut self) {
        self.station.give_back(self.tag, self.acker.clone());
    }
}
