//! Everything that needs a cluster: the laws of the port, other people's programs, rebalances, outages, logins.

#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod exclusive;
mod support;

mod foreign;
mod laws;
mod outage;
mod rebalance;
mod secured;
mod speed;
mod topics;
