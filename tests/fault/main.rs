//! The gateway under faults: killed, starved, its disk full or broken. What it said stays true.
//!
//! Every test that shows a promise kept has, where one can be made, a control: the same with the promise broken on
//! purpose, which must be noticed.
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod tools;

mod backpressure;
mod crash_loop;
mod crash_points;
mod disk_full;
mod io_error;
