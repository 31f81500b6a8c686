//! The config crate from outside: examples, mistakes, meaning, reference, and whatever else stands in a file.
#![expect(clippy::expect_used, reason = "a test says what it expects")]

mod bodies;
mod examples;
mod folder;
mod invalid;
mod ranges;
mod reference;
mod robust;
mod settings;
