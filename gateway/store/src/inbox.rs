//! What was executed here, so that a redelivery is answered and not executed again.

use compact_str::CompactString;
use sidegate_core::{Answer, Timestamp};

use crate::{BoxFuture, Result};

/// The idempotent receiver's memory.
pub trait Inbox: Send + Sync {
    /// What is known of a message at a consumer; `None` when it was not executed here.
    fn executed<'a>(
        &'a self,
        consumer: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Executed>>>;

    /// Everything recorded for an operation, over all consumers: where an outcome that comes in over HTTP belongs.
    fn executed_for<'a>(&'a self, operation_id: &'a str) -> BoxFuture<'a, Result<Vec<InboxRecord>>>;

    /// Records executions. A record of the same consumer and message is replaced, except that an answer is never
    /// replaced by anything: the answer that stands is returned in place of the new one.
    fn record(&self, batch: Vec<InboxRecord>) -> BoxFuture<'_, Result<Vec<Executed>>>;
}

/// One executed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRecord {
    /// The consumer's name.
    pub consumer: CompactString,
    /// The message's id.
    pub message_id: CompactString,
    /// The operation id that the service was given; the message's id for a foreign asker.
    pub operation_id: CompactString,
    /// What is known.
    pub executed: Executed,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// How far an execution got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// The service said 202: it will answer at its `Outcome-Url`. The message's way back is kept until then.
    Awaiting {
        /// The broker to answer on, by its name in the config.
        broker: CompactString,
        /// The message's reply-to, if an answer is wanted.
        reply_to: Option<CompactString>,
        /// What the answer must carry; `None`: the message's id.
        correlation_id: Option<CompactString>,
        /// After this nobody waits for the outcome any more.
        deadline: Option<Timestamp>,
    },
    /// The service's answer, and whether the attempts ran out on it.
    Answered {
        /// The answer.
        answer: Answer,
        /// Attempts ran out; the answer is the gateway's word for it.
        exhausted: bool,
    },
}
