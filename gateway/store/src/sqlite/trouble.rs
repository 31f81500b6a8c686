//! What an SQLite error means for the command that met it, for its neighbours in the transaction, and for the store.

use rusqlite::{Error as SqlError, ErrorCode, ffi};

use crate::{StoreError, StoreErrorKind};

/// Why a command did not do its work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The command was refused before it wrote anything: its neighbours go on.
    Refused(StoreError),
    /// The command failed half-way: the transaction must be rolled back. Its neighbours may try again without it.
    Failed(StoreError),
    /// No room on the disk: the transaction must be rolled back, and none of it can be written now.
    DiskFull(SqlError),
    /// Whether what was written is on the disk is not known any more: nobody may be answered.
    Fatal(SqlError),
}

impl From<SqlError> for Trouble {
    fn from(error: SqlError) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull(error),
            Some(ErrorCode::SystemIoFailure) if is_lack_of_room(&error) => Self::DiskFull(error),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Fatal(error)
            }
            _ => Self::Failed(store_error("cannot write", error)),
        }
    }
}

/// Growing the index of the log fails before anything is committed, and a full disk is why.
fn is_lack_of_room(error: &SqlError) -> bool {
    error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

/// For callers, with what was tried: `cannot read`, `cannot write`.
pub(super) fn store_error(tried: &str, error: SqlError) -> StoreError {
    let (kind, advice) = match (&error, error.sqlite_error_code()) {
        (SqlError::FromSqlConversionFailure(..) | SqlError::InvalidColumnType(..), _)
        | (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
            (StoreErrorKind::Corrupt, "the database does not hold what it must; restore it from a backup")
        }
        (_, Some(ErrorCode::DiskFull)) => (StoreErrorKind::DiskFull, "the disk is full; make room"),
        (_, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
            (StoreErrorKind::Unexpected, "another program holds a lock on the database; end it")
        }
        _ => (StoreErrorKind::Unexpected, "the database refused it"),
    };
    StoreError::new(kind, format!("{tried}: {advice}: {error}")).with_source(error)
}

pub(super) fn disk_full(error: &SqlError) -> StoreError {
    let message =
        format!("cannot write: no room on the disk of the database; make room and ask again: {error}");
    StoreError::new(StoreErrorKind::DiskFull, message)
}

pub(super) fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Closed, "cannot write: the store was closed")
}

#[cfg(test)]
mod tests {
    use rusqlite::Error as SqlError;
    use rusqlite::ffi::{self, Error as Code};

    use super::Trouble;

    fn trouble(extended_code: i32) -> Trouble {
        SqlError::SqliteFailure(Code::new(extended_code), None).into()
    }

    #[test]
    fn a_failed_sync_is_fatal_and_a_full_disk_is_not() {
        assert!(
            matches!(trouble(ffi::SQLITE_IOERR_FSYNC), Trouble::Fatal(_)),
            "a failed sync is never tried again"
        );
        assert!(
            matches!(trouble(ffi::SQLITE_IOERR_WRITE), Trouble::Fatal(_)),
            "half a write may be on the disk"
        );
        assert!(
            matches!(trouble(ffi::SQLITE_CORRUPT), Trouble::Fatal(_)),
            "nothing is written to a damaged file"
        );
        assert!(matches!(trouble(ffi::SQLITE_FULL), Trouble::DiskFull(_)), "a full disk passes");
        assert!(
            matches!(trouble(ffi::SQLITE_IOERR_SHMSIZE), Trouble::DiskFull(_)),
            "before any commit, for lack of room"
        );
        assert!(
            matches!(trouble(ffi::SQLITE_CONSTRAINT_UNIQUE), Trouble::Failed(_)),
            "one command's own fault"
        );
    }
}
