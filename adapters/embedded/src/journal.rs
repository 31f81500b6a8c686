//! What the embedded broker asks of whoever keeps its messages on disk.
//!
//! Batches in, futures out, nothing returned before it is committed. The broker decides what a queue is and who
//! gets a message next; a journal only remembers. It knows neither claims nor consumers: after a restart
//! everything that was not removed is there again.

use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::{BoxFuture, BrokerError, Message};

/// Durable queues. A call that returned an error of effect `NotApplied` changed nothing.
pub trait Journal: Send + Sync {
    /// Appends messages, all or none; their positions, in the order of the batch.
    ///
    /// Positions rise over all queues and are never used twice, not even after a restart.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<u64>, BrokerError>>;

    /// Removes messages for good. Unknown positions are fine: it is already so.
    fn remove(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<(), BrokerError>>;

    /// Notes that a message was handed out `attempt` times and must not be handed out before `ready_at_ms`
    /// (Unix milliseconds). Unknown positions are fine.
    fn postpone(
        &self,
        position: u64,
        attempt: u32,
        ready_at_ms: u64,
    ) -> BoxFuture<'_, Result<(), BrokerError>>;

    /// Messages of a queue after a position (0: from the beginning), oldest first, at most `limit`. Sees every
    /// append that returned before the call.
    fn load<'a>(
        &'a self,
        queue: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Journaled>, BrokerError>>;

    /// How many messages each queue holds; queues without messages may be left out.
    fn lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>, BrokerError>>;

    /// Remembers that `queue` gets a copy of what is published to `destination`. Again is fine.
    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<(), BrokerError>>;

    /// Every (destination, queue) that was bound.
    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>, BrokerError>>;
}

/// A message to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// The queue it goes to.
    pub queue: CompactString,
    /// The message.
    pub message: Arc<Message>,
}

/// A message that the journal holds.
#[derive(Debug, Clone)]
pub struct Journaled {
    /// Where it stands.
    pub position: u64,
    /// How often it was handed out before, as far as it was noted.
    pub attempt: u32,
    /// Unix milliseconds before which it must not be handed out; 0 when it may be at once.
    pub ready_at_ms: u64,
    /// The message.
    pub message: Arc<Message>,
}
