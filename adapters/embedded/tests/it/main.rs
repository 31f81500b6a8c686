//! The embedded broker held to the law of the port, and to what it promises beyond: bounded memory, paging in order,
//! attempts that survive a restart, errors of the journal that lose nothing.

#![expect(clippy::expect_used, reason = "a test fails with what was expected")]

mod support;

mod conformance;
mod contention;
mod control;
mod elision;
mod journal;
mod limits;
mod paging;
mod timing;
