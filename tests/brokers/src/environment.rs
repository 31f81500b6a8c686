//! The only place where this crate reads the environment, and looks for programs.

use std::path::{Path, PathBuf};

use crate::missing::Missing;

/// Whether what is missing must fail a test instead of skipping it.
pub(crate) fn running_in_ci() -> bool {
    variable("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// The folder that `tests/tools/brokers.sh` fills.
pub(crate) fn cache() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = tests.and_then(Path::parent).expect("this crate lies two folders below the workspace's root");
    root.join("target/brokers")
}

/// What the programs that servers start with find in their `PATH`.
pub(crate) fn search_path() -> String {
    format!("{}:/usr/sbin:/sbin", variable("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned()))
}

/// Finds a program or a folder: where `names_it` says, at one of `places`, or in the `PATH`.
///
/// # Panics
/// When the variable is set and nothing is there: a typing error must not skip a test.
pub(crate) fn find(name: &str, names_it: &str, places: &[PathBuf]) -> Result<PathBuf, Missing> {
    if let Some(told) = variable(names_it) {
        let told = PathBuf::from(told);
        assert!(told.exists(), "`{names_it}={}` names nothing that exists", told.display());
        return Ok(told);
    }
    let in_path = search_path();
    let in_path = in_path.split(':').map(|folder| Path::new(folder).join(name));
    places.iter().cloned().chain(in_path).find(|path| path.exists()).ok_or_else(|| {
        Missing(format!(
            "{name} is not on this machine; run `tests/tools/brokers.sh`, or say where it is by `{names_it}`"
        ))
    })
}

#[expect(clippy::disallowed_methods, reason = "tests are told by variables what to run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_how_to_get_it() {
        let Err(Missing(why)) = find("no-such-broker", "SIDEGATE_NO_SUCH_BROKER", &[]) else {
            panic!("there is no such program");
        };
        for told in ["no-such-broker", "tests/tools/brokers.sh", "SIDEGATE_NO_SUCH_BROKER"] {
            assert!(why.contains(told), "whoever reads `{why}` knows of {told}");
        }
    }

    #[test]
    fn a_program_is_found_where_it_is_looked_for_first_and_then_in_the_path() {
        let place = Path::new("/bin/sh").to_owned();
        assert_eq!(
            find("env", "SIDEGATE_NO_SUCH", std::slice::from_ref(&place)),
            Ok(place.clone()),
            "its own place goes first"
        );
        let found =
            find("env", "SIDEGATE_NO_SUCH", &[PathBuf::from("/nowhere")]).expect("every machine has it");
        assert!(found.ends_with("env"), "the `PATH` is searched for it by name");
    }
}
