//! What fault tests need from the machine, and what to do where it is not there.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sidegate_tests::running_in_ci;

/// Whether the program can be run at all.
pub(crate) fn has(program: &str) -> bool {
    let version = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Skips a test where something is missing: seen on a laptop, a failure in CI.
pub(crate) fn skip(test: &str, missing: &str) {
    assert!(!running_in_ci(), "{test} needs {missing}, and CI must have it");
    tell(&format!("SKIPPED: {test} needs {missing}"));
}

/// Says something that is seen although the test passes.
pub(crate) fn tell(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Runs a command to its end; whether it went well.
pub(crate) fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// A file of the database as it lies on the disk at this moment, checked by SQLite itself on a copy, so that looking
/// does not repair what the gateway is to repair.
pub(crate) fn assert_database_is_sound(database: &Path, when: &str) {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for end in ["", "-wal"] {
        let name = |folder: &Path| folder.join(format!("sidegate.db{end}"));
        let folder = database.parent().expect("a database lies in a folder");
        if name(folder).exists() {
            std::fs::copy(name(folder), name(copy.path())).expect("a file can be copied");
        }
    }
    let connection = rusqlite::Connection::open(copy.path().join("sidegate.db")).expect("the database opens");
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("the check can be run");
    assert_eq!(said, "ok", "the database is whole {when}");
}
