//! The tables, and how an older database gets them. A newer database is refused: this program would write rows that
//! the newer one does not understand.

use std::path::Path;

use rusqlite::Connection;

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
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    match number(include_str!("sql/schema/has_history.sql"))? {
        0 => Ok(0),
        _ => number(include_str!("sql/schema/version.sql")),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, params_from_iter};

    /// How SQLite goes about a statement.
    fn plan(conn: &Connection, sql: &str) -> String {
        let mut explain =
            conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement fits the schema");
        let unbound = vec![None::<i64>; explain.parameter_count()];
        let steps = explain.query_map(params_from_iter(unbound), |row| row.get::<_, String>(3));
        let steps = steps.expect("it can be explained");
        steps.collect::<Result<Vec<_>, _>>().expect("it can be explained").join("; ")
    }

    #[test]
    fn no_statement_passes_rows_that_it_does_not_want() {
        let by_index = [
            (include_str!("sql/operation/by_key.sql"), "INTEGER PRIMARY KEY (rowid=?)"),
            (include_str!("sql/operation/page.sql"), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (
                include_str!("sql/operation/page_of_correlation.sql"),
                "operation_correlation (correlation_id=?)",
            ),
            (include_str!("sql/operation/overdue.sql"), "operation_open (open_until<?)"),
            (include_str!("sql/operation/next_deadline.sql"), "operation_open"),
            (include_str!("sql/operation/expired.sql"), "operation_expiring (expires_at<?)"),
            (include_str!("sql/operation/progress.sql"), "INTEGER PRIMARY KEY (rowid=?)"),
            (include_str!("sql/operation/end.sql"), "INTEGER PRIMARY KEY (rowid=?)"),
            (include_str!("sql/answer/by_operation.sql"), "INTEGER PRIMARY KEY (rowid=?)"),
            (include_str!("sql/idempotency/by_scope.sql"), "PRIMARY KEY (scope=?)"),
            (include_str!("sql/outbox/page.sql"), "outbox USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (include_str!("sql/outbox/last_of_lane.sql"), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (include_str!("sql/inbox/by_message.sql"), "inbox_message (message_id=? AND consumer=?)"),
            (include_str!("sql/inbox/by_operation.sql"), "inbox_operation (operation_id=?)"),
            (include_str!("sql/inbox/update.sql"), "inbox_message (message_id=? AND consumer=?)"),
            (include_str!("sql/inbox/sweep.sql"), "inbox_expiring (expires_at<?)"),
            (include_str!("sql/parked/page.sql"), "INTEGER PRIMARY KEY (rowid<?)"),
            (include_str!("sql/parked/sweep.sql"), "parked_expiring (expires_at<?)"),
            (include_str!("sql/message/page.sql"), "message_queue (queue=? AND rowid>?)"),
        ];
        let mut conn = Connection::open_in_memory().expect("memory is there");
        super::migrate(&mut conn, std::path::Path::new(":memory:")).expect("the migrations are valid");
        for (sql, index) in by_index {
            let plan = plan(&conn, sql);
            assert!(plan.contains(index), "{sql}\nis to use {index}, and does: {plan}");
            // A page that were sorted would read everything to give a part.
            let is_page = sql.contains("LIMIT") || sql.contains("DESC");
            assert!(
                !is_page || !plan.contains("FOR ORDER BY"),
                "{sql}\nis to read in order, and sorts: {plan}"
            );
        }
    }
}
