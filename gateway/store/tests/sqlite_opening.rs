//! What the SQLite store refuses to open, and in what words.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::path::PathBuf;

use rusqlite::Connection;
use sidegate_store::suite::options;
use sidegate_store::{SqliteStore, StoreErrorKind};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

/// Why it does not open.
fn refusal(path: &std::path::Path) -> String {
    let error = SqliteStore::open(path, options(10)).expect_err("it must not open");
    assert_eq!(error.kind, StoreErrorKind::CannotOpen);
    assert!(error.to_string().contains(&path.display().to_string()), "it names the file: {error}");
    error.to_string()
}

#[test]
fn a_second_holder_is_refused_and_told_whom_to_stop() {
    let (_folder, path) = place();
    let first = SqliteStore::open(&path, options(10)).unwrap();
    let told = refusal(&path);
    assert!(told.contains(&format!("process {}", std::process::id())), "whom to stop: {told}");
    drop(first);
    SqliteStore::open(&path, options(10)).expect("when the first is gone, the next may");
}

#[test]
fn a_newer_schema_is_refused_and_not_touched() {
    let (_folder, path) = place();
    drop(SqliteStore::open(&path, options(10)).unwrap());
    let upgrade = "INSERT INTO refinery_schema_history VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    Connection::open(&path).unwrap().execute(upgrade, []).unwrap();
    let told = refusal(&path);
    assert!(told.contains("version 99") && told.contains("newer program"), "what to do: {told}");
}

#[test]
fn a_database_of_another_program_is_refused_and_not_touched() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (id)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let told = refusal(&path);
    assert!(told.contains("another program"), "what it is: {told}");
    assert_eq!(std::fs::read(&path).unwrap(), before, "not a byte of it is changed");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = place();
    std::fs::write(&path, "a letter to grandmother, and much longer than a hundred bytes".repeat(10))
        .unwrap();
    refusal(&path);
}

#[test]
fn a_missing_folder_is_told() {
    let (folder, _) = place();
    let path = folder.path().join("missing/store.db");
    let error = SqliteStore::open(&path, options(10)).expect_err("there is no such folder");
    assert!(error.to_string().contains("the folder must exist"), "what to do: {error}");
}

#[test]
fn what_was_promised_is_set_in_the_file() {
    let (_folder, path) = place();
    let store = SqliteStore::open(&path, options(10)).unwrap();
    let conn = Connection::open(&path).unwrap();
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    drop(store);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let _store = SqliteStore::open(&path, options(10)).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "store.db-lock" {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "bodies and the secret are in {:?}", entry.file_name());
        }
    }
}
