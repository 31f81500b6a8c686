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

use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;
use sidegate_broker::Names;

pub use connect::{capabilities, connect};

/// What an adapter is given of a `[broker.NAME]` table, and by whom.
#[derive(Clone)]
pub struct Settings {
    /// `redis://`, `rediss://` or `redis+tls://`, as written: it may hold a password.
    pub url: String,
    /// `[gateway] name`.
    pub gateway: CompactString,
    /// Which replica of the gateway this is: the same after a restart.
    pub replica: CompactString,
    /// Whether streams and groups are made where they are absent.
    pub create: bool,
    /// What header fields are called on the wire.
    pub names: Names,
    /// `client`.
    pub options: BTreeMap<String, String>,
}

/// The URL and the options' values may be secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("gateway", &self.gateway)
            .field("replica", &self.replica)
            .field("create", &self.create)
            .field("names", &self.names)
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
