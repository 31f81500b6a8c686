//! Durable state: operations and everything that must survive a `kill -9` together with them.
//!
//! ```text
//! operations    accept, apply events, read, list        the client's side of the flow
//! outbox        requests not yet at the broker          intent, stored before it is acted on
//! inbox         messages executed here, and their answers
//! parked        messages set aside for an operator
//! queues        the embedded broker's messages
//! upkeep        deadlines, retention, backup, leases
//! ```
//!
//! [`Store`] is all of these. Writes come in batches and return after their commit; the state machine of
//! `sidegate-core` runs inside the write, so that two writers can never record two outcomes. The shape fits several
//! replicas on one database: work is claimed for this replica, claims carry an epoch that every write checks,
//! deadlines are rows, and wake-ups are hints only.
//!
//! One suite of laws (feature `suite`) runs against every store.

mod error;
mod inbox;
mod operations;
mod outbox;
mod page;
mod parked;
mod queues;
mod record;
mod upkeep;

pub mod memory;
pub mod sqlite;
#[cfg(feature = "suite")]
pub mod suite;

use std::fmt;
use std::sync::Arc;

pub use error::{StoreError, StoreErrorKind};
pub use inbox::{Executed, Inbox, InboxRecord};
pub use memory::MemoryStore;
pub use operations::{
    Accepted, Applied, Filter, Idempotency, NewOperation, Operation, Operations, Outcome, Page, TimelineEntry,
};
pub use outbox::{Claimed, Outbox, Request, RequestKind};
pub use parked::{NewParked, Parked, ParkedMessage};
pub use queues::{NewQueued, Queued, Queues};
pub use sqlite::SqliteStore;
pub use upkeep::{Lease, Stats, Upkeep};

/// A future of this crate.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;

/// What every call of a store returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Everything a gateway asks of its store.
pub trait Store: Operations + Outbox + Inbox + Parked + Queues + Upkeep {}

impl<T: Operations + Outbox + Inbox + Parked + Queues + Upkeep> Store for T {}

/// What a store must know when it opens.
#[derive(Clone)]
pub struct Options {
    /// Requests accepted and not yet at the broker, beyond which [`Operations::accept`] refuses.
    pub pending_max: u64,
    /// Called once when the store cannot keep its promises any more (an I/O error at commit). Must not return to
    /// business: the gateway ends the process. Nothing is answered after it.
    pub on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
    /// For the control of the fault tests only: answers before the commit and delays it, so that a `kill -9` loses
    /// what was promised and a test that looks for losses has one to find.
    pub unsafe_ack_before_commit: bool,
}

impl Options {
    /// The options of a store that keeps its promises.
    pub fn new(pending_max: u64, on_fatal: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { pending_max, on_fatal: Arc::new(on_fatal), unsafe_ack_before_commit: false }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pending_max", &self.pending_max)
            .field("unsafe_ack_before_commit", &self.unsafe_ack_before_commit)
            .finish_non_exhaustive()
    }
}
