//! A service's SQLite database: one connection, one transaction at a time, all of it off the async threads.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::Mutex;

use crate::problem::Problem;

/// How long another process may hold the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How a new database is made, and an old one is recognised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema {
    /// Told apart by SQLite's `application_id`: a service refuses the file of another.
    pub(crate) application_id: i32,
    /// Makes tables and indexes.
    pub(crate) create: fn(&Connection) -> rusqlite::Result<()>,
    /// What is in it from the start.
    pub(crate) seed: fn(&Connection) -> rusqlite::Result<()>,
}

/// Shared by all requests; they queue for it in the order they came.
#[derive(Debug, Clone)]
pub(crate) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens a file, or memory; makes and fills it when it is new.
    ///
    /// # Errors
    /// It cannot be opened, or it is not this service's.
    pub(crate) async fn open(path: Option<PathBuf>, schema: Schema) -> io::Result<Self> {
        let opened = tokio::task::spawn_blocking(move || open(path.as_deref(), schema)).await;
        opened.map_err(io::Error::other)?.map(|connection| Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs `work` in one transaction that is committed when it returns `Ok`, and rolled back otherwise.
    ///
    /// Whoever stops waiting before `work` began takes it back; once begun, it runs to its end.
    ///
    /// # Errors
    /// Those of `work`, and those of the database.
    pub(crate) async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut connection = Arc::clone(&self.0).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.await.unwrap_or_else(|_| Err(interrupted()))
    }
}

fn interrupted() -> Problem {
    let detail = "the request was interrupted; nothing was changed";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}

fn open(path: Option<&Path>, schema: Schema) -> io::Result<Connection> {
    let name = path.map_or_else(|| "memory".to_owned(), |path| path.display().to_string());
    prepare(path, schema).map_err(|error| match error {
        Unusable::Sqlite(error) => io::Error::other(format!("cannot open the database `{name}`: {error}")),
        Unusable::Foreign => io::Error::other(format!(
            "the database `{name}` belongs to another program; name a file of this service's own"
        )),
    })
}

enum Unusable {
    Sqlite(rusqlite::Error),
    Foreign,
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn prepare(path: Option<&Path>, schema: Schema) -> Result<Connection, Unusable> {
    let mut connection = path.map_or_else(Connection::open_in_memory, Connection::open)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match application_id(&transaction)? {
        id if id == schema.application_id => {}
        0 if is_empty(&transaction)? => {
            (schema.create)(&transaction)?;
            (schema.seed)(&transaction)?;
            transaction.pragma_update(None, "application_id", schema.application_id)?;
        }
        _ => return Err(Unusable::Foreign),
    }
    transaction.commit()?;
    // Only when the file is known to be ours: the journal mode is written into it.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

fn application_id(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}
