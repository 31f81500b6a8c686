//! Wiring, and nothing but wiring: what is opened, what runs, what a reload replaces, and in which order it ends.
//!
//! ```text
//! start   store → brokers → replies, lanes, clockwork → consumers → admin plane → data plane
//! reload  routes and consumers, whole or not at all
//! stop    data plane (held callers get their 202) → consumers → lanes and replies → brokers → store
//! ```

mod consumers;
mod journal;
mod link;
mod load;
mod reload;
mod run;
mod shared;
mod start;

pub use link::Link;
pub(crate) use load::load;
pub use run::{ConfigSource, RunError, run};
pub use shared::Shared;
pub use start::{App, Parts, StartError, open_embedded};
