//! The faults on the way out: what is handed out, and how it is settled.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures_util::FutureExt as _;
use sidegate_broker::{
    BoxFuture, BrokerError, Delivery, Effect, ErrorKind, Inbox, Message, Settle, SettleError,
};

use super::Fault;
use super::broker::World;

/// Where a message's own key travels when the broker is given another.
pub(super) const KEY_HEADER: &str = "x-own-key";

pub(super) struct BrokenInbox {
    inner: Box<dyn Inbox>,
    destination: CompactString,
    world: Arc<World>,
    /// Taken ahead.
    hoard: Option<Delivery>,
}

struct BrokenSettle {
    /// `None` once it is settled.
    inner: Option<Delivery>,
    fault: Fault,
}

impl BrokenInbox {
    pub(super) fn new(inner: Box<dyn Inbox>, destination: CompactString, world: Arc<World>) -> Self {
        Self { inner, destination, world, hoard: None }
    }

    async fn receive(&mut self) -> Option<Delivery> {
        let fault = self.world.fault;
        let delivery = match self.hoard.take() {
            Some(delivery) => delivery,
            None => self.inner.next().await?,
        };
        if fault == Fault::HoardsMessages {
            self.hoard = self.inner.next().now_or_never().flatten();
        }
        let message = with_own_key(&delivery.message);
        let attempt = if fault == Fault::ForgetsAttempts { 1 } else { delivery.attempt };
        let inner = if fault == Fault::AcksEarly {
            ack_early(delivery).await;
            None
        } else {
            Some(delivery)
        };
        Some(Delivery::new(message, attempt, Box::new(BrokenSettle { inner, fault })))
    }
}

/// By a task of its own, and it takes a moment in which the caller may have given up.
async fn ack_early(delivery: Delivery) {
    tokio::spawn(delivery.ack());
    tokio::task::yield_now().await;
}

fn with_own_key(message: &Arc<Message>) -> Arc<Message> {
    let mut message = Arc::clone(message);
    if let Some(own) = message.header(KEY_HEADER).map(CompactString::from) {
        let message = Arc::make_mut(&mut message);
        message.headers.retain(|(name, _)| name != KEY_HEADER);
        message.key = Some(own);
    }
    message
}

impl BrokenSettle {
    /// Settles the delivery that stands behind; what was settled before stays settled.
    fn settle<'a, F>(
        &'a mut self,
        how: impl FnOnce(Delivery) -> F + Send + 'a,
    ) -> BoxFuture<'a, Result<(), BrokerError>>
    where
        F: Future<Output = Result<(), SettleError>> + Send,
    {
        Box::pin(async move {
            let Some(delivery) = self.inner.take() else { return Ok(()) };
            how(delivery).await.map_err(|SettleError { error, delivery }| {
                self.inner = Some(delivery);
                error
            })
        })
    }
}

impl Settle for BrokenSettle {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        if self.fault == Fault::AcksNothing {
            self.inner = None;
            return Box::pin(std::future::ready(Ok(())));
        }
        self.settle(Delivery::ack)
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        let after = if self.fault == Fault::IgnoresPauses { Duration::ZERO } else { after };
        self.settle(move |delivery| delivery.retry(after))
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        if self.fault == Fault::RejectsNothing {
            return self.settle(|delivery| delivery.retry(Duration::ZERO));
        }
        self.settle(Delivery::reject)
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async {
            match &mut self.inner {
                Some(delivery) => delivery.extend().await,
                None => Err(BrokerError::new(ErrorKind::Closed, Effect::NotApplied, "already settled")),
            }
        })
    }

    fn abandon(&mut self) {
        self.inner = None;
    }
}

impl Inbox for BrokenInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

impl Drop for BrokenInbox {
    fn drop(&mut self) {
        self.world.stopped_listening(&self.destination);
        std::mem::forget(self.hoard.take());
    }
}
