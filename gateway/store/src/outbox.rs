//! Requests that were accepted and are not done with: intent, stored before it is acted on.

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use sidegate_core::{Headers, OperationId, Timestamp};

use crate::{BoxFuture, Result};

/// Reading what is to be dispatched. Requests enter by `accept` and leave when their operation is sent or ends.
pub trait Outbox: Send + Sync {
    /// Requests of one lane that this replica has claimed, in the order of their commits, after `after`
    /// (0 from the beginning), at most `limit`.
    ///
    /// A request stays until its operation is sent or ends, so reading from the beginning again after a restart
    /// finds everything that was not finished.
    fn claimed<'a>(&'a self, lane: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>>>;

    /// Every lane that holds requests.
    fn lanes(&self) -> BoxFuture<'_, Result<Vec<CompactString>>>;

    /// How many requests are accepted and not yet at the broker; cheap.
    fn pending(&self) -> u64;
}

/// What is to be done for an operation, complete in itself: it can be carried out after a restart with a changed
/// config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Message or call.
    pub kind: RequestKind,
    /// What is dispatched one after the other: `broker/NAME` or `call/ROUTE`.
    pub lane: CompactString,
    /// A message's destination, or a call's URL.
    pub target: CompactString,
    /// Messages of one key keep their order.
    pub key: Option<CompactString>,
    /// The method of the request, or of the call.
    pub method: CompactString,
    /// The request's path with its query.
    pub path: CompactString,
    /// Headers that travel, `content-type` among them.
    pub headers: Headers,
    /// Byte for byte.
    pub body: Bytes,
}

/// What kind of dispatch a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A command; an answer is expected.
    Send,
    /// A command; it succeeds when the broker has it.
    SendOnly,
    /// An event; it succeeds when the broker has it.
    Publish,
    /// A call to a service.
    Call,
}

/// A request that this replica is to dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Where it stands in its lane.
    pub seq: u64,
    /// Whose request it is.
    pub operation: OperationId,
    /// The business's own name; `None` means the operation id.
    pub correlation_id: Option<CompactString>,
    /// When nobody wants it any more.
    pub deadline: Timestamp,
    /// How often it was begun before.
    pub attempts: u32,
    /// What to do.
    pub request: Request,
}
