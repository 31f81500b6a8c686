//! Settling deliveries. While the broker cannot take the word, a delivery is held and it is told again: given up, it
//! would come again at once, and the work for nothing with it.

use std::time::Duration;

use sidegate_broker::{Delivery, SettleError};

/// A broker that has no room for the word is told again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// Settles for good: what the message caused is stored. If that fails the message comes again, and is known then.
pub async fn ack(delivery: Delivery) {
    settle(delivery, Delivery::ack).await;
}

/// Gives the message back for later.
pub async fn give_back(delivery: Delivery, after: Duration) {
    settle(delivery, |delivery| delivery.retry(after)).await;
}

async fn settle<F>(mut delivery: Delivery, tell: impl Fn(Delivery) -> F)
where
    F: Future<Output = Result<(), SettleError>>,
{
    while let Err(failed) = tell(delivery).await {
        if !failed.error.passes_by_itself() {
            tracing::debug!(error = %failed, "a delivery was not settled and will come again");
            return;
        }
        tracing::debug!(error = %failed, "a delivery is held until it can be settled");
        delivery = failed.delivery;
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;
    use sidegate_broker::{BoxFuture, BrokerError, Delivery, Effect, ErrorKind, Message, Settle};

    use super::{ack, give_back};

    /// What a broker answers in turn, and what it was told.
    #[derive(Clone, Default)]
    struct Script {
        refusals: Arc<Mutex<VecDeque<ErrorKind>>>,
        told: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Script {
        fn refusing(kinds: impl IntoIterator<Item = ErrorKind>) -> Self {
            Self { refusals: Arc::new(Mutex::new(kinds.into_iter().collect())), ..Self::default() }
        }

        fn delivery(&self) -> Delivery {
            let message = Arc::new(Message::new("m-1", "orders", bytes::Bytes::new()));
            Delivery::new(message, 1, Box::new(self.clone()))
        }

        fn tell(&self, what: &'static str) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.told.lock().push(what);
            let refused = self.refusals.lock().pop_front();
            let refused = refused.map(|kind| BrokerError::new(kind, Effect::NotApplied, "no"));
            Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
        }
    }

    impl Settle for Script {
        fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.tell("ack")
        }
        fn retry(&mut self, _after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.tell("retry")
        }
        fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.tell("reject")
        }
        fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
            self.tell("extend")
        }
        fn abandon(&mut self) {
            self.told.lock().push("abandon");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_is_held_while_the_broker_has_no_room_for_the_word() {
        let script = Script::refusing([ErrorKind::Full, ErrorKind::Unreachable]);
        ack(script.delivery()).await;
        assert_eq!(*script.told.lock(), ["ack", "ack", "ack"], "given up, it would come again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_that_is_not_ours_any_more_is_let_go() {
        let script = Script::refusing([ErrorKind::Closed]);
        give_back(script.delivery(), Duration::ZERO).await;
        assert_eq!(*script.told.lock(), ["retry", "abandon"], "there is nothing to wait for");
    }
}
