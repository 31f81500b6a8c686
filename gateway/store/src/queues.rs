//! The embedded broker's messages. Knows queues and positions, not what a message means.

use bytes::Bytes;
use compact_str::CompactString;
use sidegate_core::{Headers, Timestamp};

use crate::{BoxFuture, Result};

/// Durable queues.
pub trait Queues: Send + Sync {
    /// Appends messages; their positions, in the order of the batch. Positions rise over all queues and are never
    /// used twice, not even after a restart.
    fn enqueue(&self, batch: Vec<NewQueued>) -> BoxFuture<'_, Result<Vec<u64>>>;

    /// Removes messages for good. Unknown positions are fine: it is already so.
    fn dequeue(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<()>>;

    /// Notes that a message was handed out `attempt` times and is not ready before `ready_at`.
    fn postpone(&self, position: u64, attempt: u32, ready_at: Timestamp) -> BoxFuture<'_, Result<()>>;

    /// Messages of a queue after a position (0 from the beginning), oldest first.
    fn queued<'a>(&'a self, queue: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Queued>>>;

    /// How many messages each queue holds.
    fn queue_lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>>>;

    /// Remembers that `queue` gets a copy of what is published to `destination`. Again is fine.
    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Every (destination, queue) that was bound.
    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>>>;
}

/// A message to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQueued {
    /// The queue it goes to.
    pub queue: CompactString,
    /// The message's id.
    pub message_id: CompactString,
    /// The destination it was sent to.
    pub destination: CompactString,
    /// Messages of one key keep their order.
    pub key: Option<CompactString>,
    /// On a reply: the request's message id.
    pub correlation_id: Option<CompactString>,
    /// Where an answer is expected.
    pub reply_to: Option<CompactString>,
    /// Media type of the body.
    pub content_type: Option<CompactString>,
    /// The other headers.
    pub headers: Headers,
    /// Byte for byte.
    pub body: Bytes,
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Where it stands.
    pub position: u64,
    /// How often it was handed out before, as far as it was noted.
    pub attempt: u32,
    /// Not before this.
    pub ready_at: Timestamp,
    /// The message.
    pub message: NewQueued,
}
