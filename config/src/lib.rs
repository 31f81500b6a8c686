//! One TOML file, from text to what the gateway uses.
//!
//! ```text
//! raw        serde with spans, deny_unknown_fields: what a user can write
//! validate   pure: every problem at once, each with its place and a hint
//! settings   typed, complete, cannot be wrong
//! ```

pub mod settings;

pub use settings::Settings;
