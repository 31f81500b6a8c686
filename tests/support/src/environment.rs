//! The only place where tests read the environment.

use std::path::{Path, PathBuf};

use crate::BrokerKind;

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

/// The broker to run the gateways of every test over, in place of the embedded one: `SIDEGATE_TEST_BROKER=nats`.
///
/// # Panics
/// When it is set to something else.
pub(crate) fn broker_under_test() -> Option<BrokerKind> {
    let name = variable("SIDEGATE_TEST_BROKER").filter(|name| !name.is_empty() && name != "embedded")?;
    let kind = BrokerKind::ALL.into_iter().find(|kind| kind.name() == name);
    Some(kind.unwrap_or_else(|| panic!("`SIDEGATE_TEST_BROKER={name}` is no broker that the tests know")))
}

/// A binary built by somebody else: `SIDEGATE_BIN`.
pub(crate) fn prebuilt_binary() -> Option<PathBuf> {
    variable("SIDEGATE_BIN").map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "tests are told by variables what to run and how often")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
