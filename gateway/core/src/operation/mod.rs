//! The operation: one accepted request until its one recorded outcome.
//!
//! ```text
//!  pending ──Sent──▶ sent ──Started──▶ running ──┐
//!     │                │                  │  ▲   │
//!     │                └──────Parked──────┤  │   ├─Answered──▶ succeeded | failed
//!     │                                   ▼  │   ├─Exhausted─▶ failed
//!     └── every open status ──────────── parked ─┤─Cancelled─▶ cancelled
//!                                       Resumed  └─DeadlinePassed─▶ timed_out
//! ```
//!
//! [`apply`] is total and pure. Three promises, held by the property tests in `laws.rs`:
//! an outcome is recorded once; nothing leaves an end; at the deadline every open operation ends.

mod apply;
mod event;
mod state;

#[cfg(test)]
mod laws;

pub use apply::{Refusal, Transition, apply};
pub use event::{Event, EventKind};
pub use state::{State, Status, UnknownStatus};
