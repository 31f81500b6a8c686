//! Configs for tests.

use std::path::Path;

use sidegate_config::Loaded;

/// Loads a config that must be right.
pub(crate) fn load(file: &Path) -> Loaded {
    sidegate_config::load(file, &|_| None).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}
