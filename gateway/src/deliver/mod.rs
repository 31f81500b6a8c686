//! From the broker to the local service: one call for each message, its answer recorded, then replied.
//!
//! ```text
//! inbox ─→ gate (health, breaker) ─→ past its deadline? known already? ─→ call ─→ verdict
//!    done / no ─→ record ─→ reply ─→ ack            later ─→ record ─→ ack, the outcome comes over HTTP
//!    again     ─→ give back with a pause            attempts ran out ─→ park ─→ reply ─→ ack
//! ```
//!
//! A delivery is settled only after what it caused is stored; whatever dies in between, the message comes again.

mod consumer;
mod crew;
mod gate;
mod incoming;
mod outcome;
mod redrive;
mod settle;

pub use consumer::{Consumer, run};
pub use outcome::outcome_over_http;
pub use redrive::{Redriven, not_there, redrive};
pub use settle::Asker;
