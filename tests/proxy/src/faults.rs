//! What is wrong with the network just now.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Faults {
    /// Nothing arrives, in both directions, until it is over.
    pub(crate) black_hole: bool,
    /// How long everything is on its way, in each direction.
    pub(crate) delay: Duration,
    /// All bytes of the server are thrown away.
    pub(crate) swallow_answers: bool,
    /// How likely the next bytes of the server are lost, and the connection with them.
    pub(crate) lose_answers: f64,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}
