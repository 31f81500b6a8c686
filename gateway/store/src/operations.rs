//! Operations: the durable unit a client can ask about.

use std::sync::Arc;

use compact_str::CompactString;
use sidegate_core::operation::{Event, EventKind, Refusal, State, Status};
use sidegate_core::{Answer, OperationId, Timestamp};

use crate::{BoxFuture, Request, Result};

/// Accepting requests, changing operations by events, and reading them.
pub trait Operations: Send + Sync {
    /// Stores new operations with their requests. Each answer is final when this returns: it is committed.
    ///
    /// Results stand in the order of the batch. With an idempotency key that is known, nothing is stored and the
    /// existing operation, or the mismatch, is told; this holds for duplicates within one batch too.
    ///
    /// # Errors
    /// `PendingFull`, `DiskFull`, `Overloaded`, `Closed`: nothing of the batch was stored.
    fn accept(&self, batch: Vec<NewOperation>) -> BoxFuture<'_, Result<Vec<Accepted>>>;

    /// Applies events by the state machine of the core, each on the state that is committed or earlier in the
    /// batch, and commits what changed. Results stand in the order of the batch.
    ///
    /// When an operation ends its request leaves the outbox; an answer that came with the event is stored.
    ///
    /// # Errors
    /// `DiskFull`, `Overloaded`, `Closed`: nothing of the batch was stored.
    fn apply(&self, batch: Vec<(OperationId, Event)>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Applied>>>;

    /// One operation as it is committed; `None` for an unknown id or a wrong token.
    fn operation(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Operation>>>;

    /// The recorded answer of an operation, if it ended with one.
    fn answer(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Answer>>>;

    /// A page of operations, newest first. A page may hold fewer than asked for and still have a `next`: a filter
    /// that matches little is looked for in bites.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page<Operation>>>;
}

/// A request on its way to becoming an operation.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Its id; unique.
    pub id: OperationId,
    /// The route's name.
    pub route: CompactString,
    /// Who asked; `None` where nobody is told apart.
    pub principal: Option<CompactString>,
    /// The business's own name; `None` means the operation id.
    pub correlation_id: Option<CompactString>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it times out.
    pub deadline: Timestamp,
    /// How long after its end it can be asked about.
    pub retention_ms: u64,
    /// Set where the client sent an `Idempotency-Key`.
    pub idempotency: Option<Idempotency>,
    /// The ended operation of which this is another go.
    pub redrive_of: Option<OperationId>,
    /// What is to be done.
    pub request: Request,
}

/// What makes a repeat a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// Digest of principal, route and key.
    pub scope: [u8; 32],
    /// Digest of what was asked.
    pub fingerprint: [u8; 32],
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored: this is its operation.
    New(Operation),
    /// A repeat: this is the operation of the first.
    Existing(Operation),
    /// The key is known with another request.
    KeyReused,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The operation as it is now.
    Changed(Operation),
    /// Nothing changed; the operation as it was, and why.
    Unchanged(Operation, Refusal),
    /// Unknown id, or a wrong token.
    Unknown,
}

/// An operation as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The route's name.
    pub route: Arc<str>,
    /// Who asked.
    pub principal: Option<CompactString>,
    /// The business's own name; `None` means the operation id.
    pub correlation_id: Option<CompactString>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Status, revision, attempts, deadline, last change.
    pub state: State,
    /// When it is forgotten; `None` while it is open.
    pub expires_at: Option<Timestamp>,
    /// What is known of the recorded answer, apart from its body.
    pub outcome: Option<Outcome>,
    /// The ended operation of which this is another go.
    pub redrive_of: Option<OperationId>,
    /// What happened when, oldest first; bounded, the first and the latest are kept.
    pub timeline: Vec<TimelineEntry>,
}

/// The recorded answer in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body.
    pub content_type: Option<CompactString>,
    /// Bytes of the body.
    pub body_bytes: u64,
}

/// One thing that happened to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// Which operations to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this status only.
    pub status: Option<Status>,
    /// Of this route only.
    pub route: Option<CompactString>,
    /// With this correlation id only (an operation id counts as its own).
    pub correlation_id: Option<CompactString>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Go on where the page with this cursor ended.
    pub cursor: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

impl Filter {
    /// Whether the operation is called as the filter asks. Stores look such operations up; they do not scan for them.
    pub(crate) fn names(&self, operation: &Operation) -> bool {
        self.correlation_id.as_ref().is_none_or(|wanted| operation.is_called(wanted))
    }

    /// Whether the operation is of the status, route and time that the filter asks for.
    pub(crate) fn wants(&self, operation: &Operation) -> bool {
        self.status.is_none_or(|wanted| wanted == operation.state.status)
            && self.route.as_ref().is_none_or(|wanted| *wanted == *operation.route)
            && self.since.is_none_or(|since| operation.created_at >= since)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<u64>,
}
