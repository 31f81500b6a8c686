//! What an operator sees of a running gateway: numbers and lines. Nothing here decides anything.
//!
//! A stage of the flow holds the handle of its route, consumer or broker and counts through it; the names, labels
//! and help texts of every number stand once, in [`names`].

pub mod logs;
pub mod names;

mod brokers;
mod connections;
mod consumers;
mod handles;
mod metrics;
mod process;
mod routes;

#[cfg(test)]
mod documented;

pub use brokers::BrokerMetrics;
pub use connections::ConnectionStats;
pub use consumers::{CallResult, ConsumerMetrics};
pub use handles::Running;
pub use metrics::{Metrics, Scrape};
pub use routes::RouteMetrics;
