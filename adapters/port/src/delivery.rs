//! A received message, and how it is settled.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{BoxFuture, BrokerError, Message};

/// Messages of one subscription, one by one.
pub trait Inbox: Send {
    /// The next delivery; waits for one. `None` when the broker was closed: there will be no more.
    ///
    /// A lost connection is not an end: the adapter connects again and goes on. Cancel-safe: dropping the future
    /// loses no message.
    ///
    /// # Behaviour
    /// - `a_delivery_dropped_unsettled_comes_again`
    /// - `the_attempt_rises_with_each_redelivery`
    /// - `the_attempt_is_remembered_over_a_restart`
    /// - `what_was_unsettled_at_a_restart_is_delivered_again`
    /// - `a_key_has_one_unsettled_message_at_a_time_in_one_inbox`
    /// - `a_key_has_one_unsettled_message_at_a_time`
    /// - `other_keys_go_on_while_one_waits`
    /// - `asking_for_the_next_and_giving_up_loses_nothing`
    /// - `what_a_dropped_inbox_held_goes_to_others`
    /// - `an_inbox_goes_on_after_its_connection_was_cut`
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>>;
}

/// A message not yet settled. Dropped unsettled it counts as [`Delivery::retry`] without a pause: nothing is lost
/// by a panic or a cancelled task.
pub struct Delivery {
    /// What was sent.
    pub message: Arc<Message>,
    /// 1 for the first time it is handed out, and one more each time after, as far as the broker counts.
    pub attempt: u32,
    settle: Option<Box<dyn Settle>>,
}

/// The adapter's side of settling. Each call ends the delivery when it succeeds.
pub trait Settle: Send + Sync {
    /// See [`Delivery::ack`].
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>>;
    /// See [`Delivery::retry`].
    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>>;
    /// See [`Delivery::reject`].
    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>>;
    /// See [`Delivery::extend`].
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>>;
    /// See [`Delivery::is_lost`]. Cheap, and must not block.
    fn is_lost(&self) -> bool {
        false
    }
    /// The delivery was dropped unsettled; must not block.
    fn abandon(&mut self);
}

/// Settling failed: the delivery is given back, to be settled again or dropped.
pub struct SettleError {
    /// What went wrong.
    pub error: BrokerError,
    /// Still unsettled.
    pub delivery: Delivery,
}

impl Delivery {
    /// For adapters.
    #[must_use]
    pub fn new(message: Arc<Message>, attempt: u32, settle: Box<dyn Settle>) -> Self {
        Self { message, attempt, settle: Some(settle) }
    }

    /// It is done: what it caused is stored. `Ok` means that the broker will not deliver it again. One exception: a
    /// broker that remembers a position instead of messages (Kafka) delivers it again after a crash as long as an
    /// earlier message of its partition is unsettled, or its position was not written yet.
    ///
    /// # Errors
    /// The delivery comes back with the reason; the broker may deliver the message again.
    ///
    /// # Behaviour
    /// - `an_acknowledged_message_is_never_delivered_again`
    /// - `an_acknowledged_message_stays_gone_after_a_restart`
    pub async fn ack(mut self) -> Result<(), SettleError> {
        let result = match self.settle.as_mut() {
            Some(settle) => settle.ack().await,
            None => Ok(()),
        };
        self.settled(result)
    }

    /// Not now: deliver it again, not before `after` has passed. Its key stays blocked in this inbox, and in every
    /// other where the broker [serializes keys](crate::Capabilities::serializes_keys).
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    ///
    /// # Behaviour
    /// - `a_message_given_back_comes_again_after_its_pause`
    /// - `a_pause_outlives_the_inbox_it_began_in`
    /// - `a_key_waits_while_its_first_message_is_given_back`
    pub async fn retry(mut self, after: Duration) -> Result<(), SettleError> {
        let result = match self.settle.as_mut() {
            Some(settle) => settle.retry(after).await,
            None => Ok(()),
        };
        self.settled(result)
    }

    /// Never again: the message is dropped by the broker. The caller has parked it first.
    ///
    /// # Errors
    /// As [`Delivery::ack`].
    ///
    /// # Behaviour
    /// - `a_rejected_message_is_never_delivered_again`
    pub async fn reject(mut self) -> Result<(), SettleError> {
        let result = match self.settle.as_mut() {
            Some(settle) => settle.reject().await,
            None => Ok(()),
        };
        self.settled(result)
    }

    /// Still at work: keeps a broker with a time limit on deliveries from handing the message to somebody else.
    ///
    /// # Errors
    /// The delivery may already be somebody else's.
    pub async fn extend(&mut self) -> Result<(), BrokerError> {
        match self.settle.as_mut() {
            Some(settle) => settle.extend().await,
            None => Ok(()),
        }
    }

    /// Whether it is known that settling would fail: the message went back to the broker, as its connection was lost
    /// or its share of the work taken away, and comes again by itself, maybe to somebody else.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.settle.as_ref().is_some_and(|settle| settle.is_lost())
    }

    fn settled(mut self, result: Result<(), BrokerError>) -> Result<(), SettleError> {
        match result {
            Ok(()) => {
                self.settle = None;
                Ok(())
            }
            Err(error) => Err(SettleError { error, delivery: self }),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.as_mut() {
            settle.abandon();
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message.id)
            .field("destination", &self.message.destination)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleError").field("error", &self.error).field("delivery", &self.delivery).finish()
    }
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot settle message {}: {}", self.delivery.message.id, self.error)
    }
}

impl std::error::Error for SettleError {}
