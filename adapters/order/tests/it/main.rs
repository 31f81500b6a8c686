//! The inbox that keeps order, over a queue that only receives and settles; and over a broker made of such queues, held
//! to the law of the port.

#![expect(clippy::expect_used, reason = "a test fails with what was expected")]

mod support;

mod bounds;
mod conformance;
mod going_away;
mod keys;
mod lost;
mod pauses;
