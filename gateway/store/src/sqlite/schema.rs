//! The tables, and how an older database gets them. A newer database is refused: this program would write rows that
//! the newer one does not understand.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::connect::cannot_open;
use crate::{Result, StoreError, StoreErrorKind};

mod embedded {
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// Brings the database to this program's schema.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let runner = embedded::migrations::runner();
    let known =
        runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    let found = version(conn).map_err(|error| cannot_open(path, &error))?;
    if found > known {
        let message = format!(
            "cannot open {}: its schema is version {found}, and this program knows {known} at most; \
             run the newer program, or restore a backup from before the upgrade",
            path.display()
        );
        return Err(StoreError::new(StoreErrorKind::CannotOpen, message));
    }
    runner.run(conn).map(|_| ()).map_err(|error| cannot_open(path, &error))
}

/// The version of the database's schema; 0 when it has none.
fn version(conn: &Connection) -> rusqlite::Result<i64> {
    let has_history = conn
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'", [], |_| Ok(()))
        .optional()?
        .is_some();
    if !has_history {
        return Ok(0);
    }
    conn.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}
