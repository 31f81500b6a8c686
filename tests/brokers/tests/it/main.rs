//! Each server does what its switches say, and leaves nothing behind.
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod client;

mod life;
mod logins;
mod tls;
mod watched;
