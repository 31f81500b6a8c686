//! What travels.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;

/// Header names (lower case) and values, in order; a name may stand more than once.
pub type Headers = Vec<(CompactString, CompactString)>;

/// Whether one service or every subscribed service gets a message, or the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `send`/`receive`: one of the competing consumers gets it (point-to-point channel).
    Command,
    /// `publish`/`subscribe`: every subscribed service gets its own copy (publish-subscribe channel).
    Event,
    /// The answer to a message, at the place that the asker named.
    Reply,
}

/// A message as the gateway sees it. An adapter uses the protocol's own properties where there are any, and
/// headers of the same names where there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One per message, and the same when it is published again. Empty when a foreign asker gave none.
    pub id: CompactString,
    /// Topic, subject or queue. On a reply: the request's reply-to, as it came.
    pub destination: CompactString,
    /// Messages of one key keep their order. `None`: no order is asked for.
    pub key: Option<CompactString>,
    /// On a request: what its answer must carry, where that is not the message id (a foreign asker has names of its
    /// own). On a reply: the request's, given back as it came.
    pub correlation_id: Option<CompactString>,
    /// Where an answer is expected: the destination of the asker's own [`Channel::Reply`] subscription. On the way an
    /// adapter may write it as its protocol does, so the one who answers takes it as it came.
    pub reply_to: Option<CompactString>,
    /// Media type of the body.
    pub content_type: Option<CompactString>,
    /// Everything else, Sidegate's own `sidegate-…` among it.
    pub headers: Headers,
    /// Byte for byte.
    pub body: Bytes,
}

/// A message to hand to the broker.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Who gets it.
    pub channel: Channel,
    /// The message.
    pub message: Arc<Message>,
    /// Whether it must survive a restart of the broker. `false` is for askers who wait and will ask again.
    pub durable: bool,
    /// Unix milliseconds after which nobody wants it any more; a broker may drop it then, and need not.
    pub expires_at_ms: Option<u64>,
}

impl Message {
    /// A message with an id, a destination and a body, and nothing else.
    #[must_use]
    pub fn new(id: impl Into<CompactString>, destination: impl Into<CompactString>, body: Bytes) -> Self {
        Self {
            id: id.into(),
            destination: destination.into(),
            key: None,
            correlation_id: None,
            reply_to: None,
            content_type: None,
            headers: Vec::new(),
            body,
        }
    }

    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Bytes of body, headers and properties, near enough for a bound on memory.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        const PROPERTIES_BYTES: usize = 256;
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.body.len() + headers + PROPERTIES_BYTES
    }
}
