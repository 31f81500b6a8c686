//! The broker port on Redis Streams, Redis 7.0 or later: the adapter that docs/adapters.md builds.
//!
//! ```text
//! publish ──▶ XADD destination ──▶ stream ──▶ XREADGROUP as gateway, replica ──▶ order ──▶ consumer
//!                                    ▲                                             │
//!             XAUTOCLAIM of what a dead replica held            XACK, XDEL ◀───────┘
//! ```
//!
//! A destination is a stream, and a service is a consumer group of it. A settled command or reply is deleted; an event
//! stays for the other services until it is too old. Order per key, pauses and the count of attempts come from
//! `sidegate-order`.
//!
//! What it never does: read without a group, run scripts, change or delete what somebody else made.

mod options;

mod connect;
mod link;
mod publish;
mod subscribe;
mod read;
mod settle;

mod entry;
mod error;
mod probe;

pub use connect::{capabilities, connect};
