//! What this gateway offers, in the two languages that tools read: OpenAPI 3.1 for its HTTP side, AsyncAPI 3.0
//! for its messages. Pure: from settings to a JSON document; nothing is asked of a running gateway.

mod asyncapi;
mod labels;
mod openapi;

#[cfg(test)]
mod sample;

pub use asyncapi::document as asyncapi;
pub use openapi::document as openapi;
