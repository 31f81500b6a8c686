//! The only place where tests read the environment.

use std::path::{Path, PathBuf};

/// The workspace's root folder.
#[must_use]
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' crate lies in the workspace")
}

/// Whether what is missing must fail a test instead of skipping it.
#[must_use]
pub fn running_in_ci() -> bool {
    variable("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// A count that whoever runs the tests may set: `SIDEGATE_CRASHES=1000`.
///
/// # Panics
/// When it is set and is not a number: a typing error must not run fewer rounds than asked for.
#[must_use]
pub fn number_from_environment(name: &str, default: u64) -> u64 {
    variable(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("`{name}={text}` is not a whole number"))
    })
}

/// A binary built by somebody else: `SIDEGATE_BIN`.
pub(crate) fn prebuilt_binary() -> Option<PathBuf> {
    variable("SIDEGATE_BIN").map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "tests are told by variables what to run and how often")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
