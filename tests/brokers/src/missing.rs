//! What to do when a broker is not on this machine.

use std::fmt;

use crate::environment::running_in_ci;

/// A program of a broker is not installed: which one, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// The server, or `None` after a visible line: the test is skipped.
///
/// # Panics
/// Where `CI` is set: what is skipped there is never noticed.
#[must_use]
pub fn available<S>(started: Result<S, Missing>) -> Option<S> {
    match started {
        Ok(server) => Some(server),
        Err(missing) if running_in_ci() => panic!("a test cannot run: {missing}"),
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            None
        }
    }
}
