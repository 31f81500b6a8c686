//! HTTP to the local services: a small bounded pool of connections for each of them, and the rules for headers that
//! pass through.
//!
//! ```text
//! Pool::request ─ slot (bounds the connections) ─┬─ newest idle connection ─┐
//!                                                └─ connect ────────────────┴─ send ─ answer's head
//! CallBody ─ read to its end: the connection is idle again · dropped before: it is closed
//! ```
//!
//! Never follows redirects, never speaks through a proxy, never repeats a request that may have been executed unless
//! its method says that repeating does no harm. A general client was measured and costs almost twice the CPU of a
//! request; its features are not wanted here.

mod body;
mod connect;
mod error;
mod exchange;
mod gather;
pub mod headers;
mod patient;
mod pool;
mod service;
mod socket;

pub use body::CallBody;
pub use error::{CallError, CallErrorKind, Sent};
pub use patient::Patient;
pub use pool::{Pool, PoolLimits};
pub use socket::Peer;

pub(crate) use gather::{Gather, TooMany};
pub(crate) use socket::Socket;
