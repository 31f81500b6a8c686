//! Sidegate: HTTP in, a durable operation, a message, the service's answer, the outcome told to the client.
//!
//! ```text
//! HTTP in → ingress → route → exchange → store (intent first) → dispatch → Broker::publish ─┐
//!                                                                                          broker
//! client ← status | held answer | events ← outcome (store, then wake) ← reply ──────────────┘
//!                        other side: inbox → deliver (attempt: a local HTTP call) → reply
//! ```
//!
//! The modules stand in the order of the flow. A stage calls down the flow, never back up: what returns, returns as
//! a value or through the store. `app` wires the stages together and is the only one that knows them all.

pub mod app;
pub mod cli;
pub mod demo;

pub mod ingress;
pub mod data_plane;
pub mod admin;
pub mod route;
pub mod exchange;
pub mod dispatch;
pub mod deliver;
pub mod attempt;
pub mod call;
pub mod reply;
pub mod outcome;
pub mod status;
pub mod upkeep;

pub mod body;
pub mod clock;
pub mod describe;
pub mod envelope;
pub mod json;
pub mod names;
pub mod observe;
pub mod panics;
pub mod respond;
pub mod settle;
pub mod tokens;
mod wakes;
