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
mod parked;
mod queues;
mod upkeep;

pub mod memory;
pub mod sqlite;
#[cfg(feature = "suite")]
pub mod suite;

pub use error::{StoreError, StoreErrorKind};
pub use inbox::{Executed, Inbox, InboxRecord};
pub use operations::{
    Accepted, Applied, Filter, Idempotency, NewOperation, Operation, Operations, Outcome, Page, TimelineEntry,
};
pub use outbox::{Claimed, Outbox, Request, RequestKind};
pub use parked::{NewParked, Parked, ParkedMessage};
pub use queues::{NewQueued, Queued, Queues};
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
    pub on_fatal: std::sync::Arc<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("pending_max", &self.pending_max).finish_non_exhaustive()
    }
}
