//! The documentation keeps its word: links lead somewhere, every error code has its page, every config of the documents
//! is accepted, and every command of README and guide does what stands below it, against a running `sidegate demo`.
//!
//! | fence | what becomes of it |
//! |---|---|
//! | `toml check` | `sidegate check` must accept it; tables that every config has are added where they are missing |
//! | `sh demo` | run by bash, all of a document in one shell, in order, against a fresh demo |
//! | `text output` | stands below `sh demo`: what was printed, but for ids and times; see `transcript` |
//! | `rust from PATH` | stands in that source, word for word; see `quoted` |
//! | `sh start` | how the demo or the tests are started: held to the commands that exist |
//!
//! `UPDATE_DOCS=1 cargo test -p sidegate-tests --test docs` writes the outputs anew.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a step of a test that fails is a failed test, and what is skipped is said on standard error"
)]

mod markdown;

mod errors;
mod invariants;
mod links;
mod options;
mod quoted;

mod demo;
mod snippets;
mod transcript;
