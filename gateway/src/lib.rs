//! Sidegate: HTTP in, a durable operation, a message, the service's answer, the outcome told to the client.
//!
//! ```text
//! HTTP in → ingress → route → exchange → store (intent first) → Broker::publish ─┐
//!                                                                               broker
//! client ← status | held answer | events ← outcome (store, then wake) ← reply ───┘
//!                        other side: inbox → deliver (local HTTP call) → reply
//! ```
//!
//! The modules stand in the order of the flow. A stage calls down the flow, never back up: what returns, returns as
//! a value or through the store.

pub mod body;
pub mod clock;
pub mod observe;
pub mod respond;
