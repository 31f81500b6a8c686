//! What a broker can do by itself; checked when a config loads, never discovered while a request is under way.

/// What an adapter claims, and the conformance suite holds it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A message confirmed as durable survives a restart of the broker.
    pub durable: bool,
    /// Never hands out a message of a key while an earlier one of that key is unsettled, across all consumers of
    /// a service. Without it the adapter keeps the order among the deliveries of one inbox.
    pub serializes_keys: bool,
    /// Counts attempts itself, so that [`Delivery::attempt`](crate::Delivery::attempt) survives a restart.
    pub counts_attempts: bool,
    /// Keeps the pause of a message that was given back for later ([`Delivery::retry`](crate::Delivery::retry)), so
    /// that it outlives the inbox. Without it the adapter keeps the pause, and an inbox that goes away ends it.
    pub delays_retry: bool,
    /// Several processes can use it. The embedded broker lives in one.
    pub between_processes: bool,
    /// The largest message it takes, in bytes of body and headers.
    pub message_bytes_max: usize,
}
