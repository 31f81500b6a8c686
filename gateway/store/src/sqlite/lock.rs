//! One process per database: a lock file beside it, held as long as the store is open.
//!
//! SQLite would let a second process write too. But positions, the outbox's order and the count of pending requests
//! are this process's knowledge, so that a second writer must be refused, not waited for. The file is never removed:
//! removing it is a race, and an unlocked file stops nobody.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::{Result, StoreError, StoreErrorKind};

/// The lock; let go of when it is dropped, and by the system when the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a database.
    pub(super) fn take(database: &Path) -> Result<Self> {
        let path = lock_path(database);
        let mut file = open(&path).map_err(|error| cannot_lock(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(database, &mut file)),
            Err(TryLockError::Error(error)) => return Err(cannot_lock(&path, &error)),
        }
        sign(&mut file).map_err(|error| cannot_lock(&path, &error))?;
        Ok(Self { _file: file })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-lock");
    path.into()
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Leaves the process id, for the message that the next one gets.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(database: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    let who = match file.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => format!("process {}", holder.trim()),
        _ => "another process".to_owned(),
    };
    let message = format!(
        "cannot open {}: {who} uses it; stop that one, or give this gateway a [store] url of its own",
        database.display()
    );
    StoreError::new(StoreErrorKind::CannotOpen, message)
}

fn cannot_lock(path: &Path, error: &io::Error) -> StoreError {
    let message = format!(
        "cannot lock {}: {error}; the folder must exist and be writable, on a local disk",
        path.display()
    );
    StoreError::new(StoreErrorKind::CannotOpen, message)
}
