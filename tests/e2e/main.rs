//! The gateway as its users see it: each test starts the real binary beside a scriptable service, and each file is
//! one part of the public contract.
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod fixtures;

mod asking;
mod bad_input;
mod call_retries;
mod call_routes;
mod idempotency;
mod limits;
mod waiting;

mod cancel;
mod deadline;
mod status;

mod answering;
mod events;
mod health_breaker;
mod order;
mod outcome;
mod parked;

mod admin;
mod cli;
mod demo;
mod drain;
mod reload;
