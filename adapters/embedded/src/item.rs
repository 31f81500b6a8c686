//! A message of a queue, and where it is kept beside the queue's window.

use std::sync::Arc;

use sidegate_broker::Message;
use tokio::time::Instant;

use crate::slip::Slip;

/// A message on its way through a queue.
pub(crate) struct Item {
    pub(crate) message: Arc<Message>,
    /// What it counts for in the bounds; see [`Message::weight_bytes`].
    pub(crate) bytes: usize,
    pub(crate) keeping: Keeping,
    /// How often it was handed out.
    pub(crate) attempt: u32,
    /// Unix milliseconds after which it is dropped instead of handed out.
    pub(crate) expires_at_ms: Option<u64>,
    /// Not before this.
    pub(crate) due: Option<Instant>,
}

/// Where a message is beside the window.
#[derive(Clone)]
pub(crate) enum Keeping {
    /// Nowhere: it need not survive.
    Memory,
    /// On its way to the journal, and not handed out before it is there.
    Awaited,
    /// On its way to the journal, and handed out meanwhile: settled first, it is never written.
    Early(Arc<Slip>),
    /// In the journal, at this position.
    Journal(u64),
    /// The journal refused it when it was handed out already. Its publisher was told; it stays until it is settled.
    Refused,
}

/// How much of one kind is in memory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl Item {
    /// A durable message that was never handed out.
    pub(crate) fn durable(message: Arc<Message>, bytes: usize, keeping: Keeping) -> Self {
        Self { message, bytes, keeping, attempt: 0, expires_at_ms: None, due: None }
    }
}

impl Keeping {
    pub(crate) fn is_durable(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    pub(crate) fn is_unwritten(&self) -> bool {
        matches!(self, Self::Awaited | Self::Early(_))
    }
}

impl Load {
    /// Whether `bytes` more fit; a message that is alone always does.
    pub(crate) fn has_room(&self, bytes: usize, messages_max: usize, bytes_max: usize) -> bool {
        self.messages == 0 || (self.messages < messages_max && self.bytes.saturating_add(bytes) <= bytes_max)
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }

    pub(crate) fn subtract(&mut self, bytes: usize) {
        self.messages -= 1;
        self.bytes -= bytes;
    }
}
