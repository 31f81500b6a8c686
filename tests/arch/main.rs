//! The shape of the code base, held by tests: who may depend on whom, what stands above what, and what is tidy.
#![expect(clippy::expect_used, reason = "a test that cannot read the workspace is a failed test")]

mod sources;

mod dependencies;
mod documents;
mod stages;
mod tidy;
