//! The adapter against real servers, with a fault proxy between. One binary, so that one server is enough for most.

#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod support;

mod faults;
mod foreign;
mod laws;
mod publishing;
mod receiving;
mod secured;
mod topology;
