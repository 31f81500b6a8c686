//! NATS with a real server: the laws of the port, what its network and its server can do wrong, workers and askers
//! without Sidegate, and secured links.

#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod support;

mod foreign;
mod laws;
mod outages;
mod secured;
mod topology;
mod traps;
