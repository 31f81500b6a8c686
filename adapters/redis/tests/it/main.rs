//! The adapter on a real Redis: the conformance suite, then what is this adapter's own.

#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod harness;

mod laws;

mod outages;
mod secured;
mod streams;
