//! What this gateway offers: OpenAPI 3.1 for its HTTP side, AsyncAPI 3.0 for its messages, and both in short.
//! Pure: from settings to JSON; nothing is asked of a running gateway.

mod asyncapi;
mod labels;
mod openapi;
mod summary;

#[cfg(test)]
pub(crate) mod sample;

pub use asyncapi::document as asyncapi;
pub use openapi::document as openapi;
pub use summary::{consumer, route};
