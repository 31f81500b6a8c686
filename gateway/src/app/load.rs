//! The config as the gateway can use it: read, and checked against what the brokers take.

use std::path::Path;

use sidegate_config::{Loaded, Problems};

/// Reads and checks the config.
///
/// # Errors
/// Everything that is wrong with it; what only shows beside the brokers' limits once the rest is right.
pub(crate) fn load(path: &Path) -> Result<Loaded, Problems> {
    sidegate_config::load(path, &environment)?.fit(sidegate_adapters::message_bytes_max)
}

/// Environment variables for `${VAR}`.
#[expect(clippy::disallowed_methods, reason = "config expansion is where the environment enters")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
