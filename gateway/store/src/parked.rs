//! Messages set aside for an operator after their attempts ran out (dead letters).

use bytes::Bytes;
use compact_str::CompactString;
use sidegate_core::{Answer, Headers, Timestamp};

use crate::{BoxFuture, Page, Result};

/// The operator's shelf.
pub trait Parked: Send + Sync {
    /// Sets messages aside. The same message of the same consumer is parked once: its entry is replaced.
    /// Returns their ids in the order of the batch.
    fn park(&self, batch: Vec<NewParked>) -> BoxFuture<'_, Result<Vec<u64>>>;

    /// A page, newest first.
    fn parked_list(&self, cursor: Option<u64>, limit: usize) -> BoxFuture<'_, Result<Page<ParkedMessage>>>;

    /// One of them.
    fn parked(&self, id: u64) -> BoxFuture<'_, Result<Option<ParkedMessage>>>;

    /// Takes one off the shelf; `false` when it is not there (any more).
    fn unpark(&self, id: u64) -> BoxFuture<'_, Result<bool>>;
}

/// A message to set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParked {
    /// The consumer's name.
    pub consumer: CompactString,
    /// The broker it came from, by its name in the config.
    pub broker: CompactString,
    /// Topic, subject or queue.
    pub destination: CompactString,
    /// Whether it was an event (nobody waits for an answer).
    pub event: bool,
    /// The message's id.
    pub message_id: CompactString,
    /// The message's key.
    pub key: Option<CompactString>,
    /// Where an answer is expected.
    pub reply_to: Option<CompactString>,
    /// What the answer must carry; `None`: the message's id.
    pub correlation_id: Option<CompactString>,
    /// Media type of the body.
    pub content_type: Option<CompactString>,
    /// The other headers.
    pub headers: Headers,
    /// Byte for byte.
    pub body: Bytes,
    /// Why it is here, in words.
    pub reason: String,
    /// The service's last answer, if there was one.
    pub last_answer: Option<Answer>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was set aside.
    pub parked_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// A message on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedMessage {
    /// Its number.
    pub id: u64,
    /// The message and why it is here.
    pub parked: NewParked,
}
