//! Opening connections, with settings that are read back: a durability setting that did not take is refused, never
//! assumed.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::{Result, StoreError, StoreErrorKind};

/// Older libraries can damage a WAL database when two connections write or checkpoint at once.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// "SIDG": tells this store's files from those of other programs.
const APPLICATION_ID: i32 = 0x5349_4447;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const PAGE_BYTES: i64 = 4_096;
const WRITER_CACHE_KIB: i64 = 16_384;
const READER_CACHE_KIB: i64 = 2_048;
/// A log that grew beyond this, behind a long reader, is cut back when it starts over.
const WAL_KEPT_BYTES: i64 = 64 * 1_024 * 1_024;
/// More than the store has statements, so that each is compiled once.
const STATEMENTS_CACHED: usize = 64;

/// The form of SQLite's file access that is for one process only: it keeps the log's index and the locks on it in
/// memory instead of in a shared file, which saves a read its lock calls to the system. Nobody else can open the database
/// meanwhile, not even to look: `store backup` makes a copy for that.
const ONE_PROCESS: &str = "unix-excl";

/// A setting, and what it must read back as.
struct Setting {
    name: &'static str,
    value: Value,
    reads_back: Option<Value>,
}

/// The one connection that writes; creates the database when it is absent.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    check_library()?;
    create_private(path).map_err(|error| cannot_open(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open(path, flags).map_err(|error| cannot_open(path, &error))?;
    check_owner(&conn, path)?;
    // The page size takes effect on an empty file only; a file of another page size is as good.
    let settings = [
        Setting { name: "page_size", value: Value::Integer(PAGE_BYTES), reads_back: None },
        Setting::checked("journal_mode", Value::Text("wal".to_owned())),
        Setting::checked("synchronous", Value::Integer(2)),
        Setting::checked("foreign_keys", Value::Integer(0)),
        // The writer checkpoints when nobody waits for it, not inside somebody's commit.
        Setting::checked("wal_autocheckpoint", Value::Integer(0)),
        Setting::checked("journal_size_limit", Value::Integer(WAL_KEPT_BYTES)),
        Setting::checked("cache_size", Value::Integer(-WRITER_CACHE_KIB)),
        Setting::checked("application_id", Value::Integer(APPLICATION_ID.into())),
    ];
    settings.iter().try_for_each(|setting| setting.apply(&conn, path))?;
    Ok(conn)
}

/// A connection that cannot write. The database must exist.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open(path, flags).map_err(|error| cannot_open(path, &error))?;
    Setting::checked("cache_size", Value::Integer(-READER_CACHE_KIB)).apply(&conn, path)?;
    Ok(conn)
}

/// Makes an empty file that only its owner can read: bodies and the secret are in it. Fine when it exists.
fn create_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(|_| ())
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags_and_vfs(path, flags, ONE_PROCESS)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(conn)
}

fn check_library() -> Result<()> {
    if rusqlite::version_number() >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    let message = format!(
        "cannot open the store: this program runs with SQLite {}, which can damage a database under load; \
         use a build with SQLite 3.51.3 or later",
        rusqlite::version()
    );
    Err(StoreError::new(StoreErrorKind::CannotOpen, message))
}

/// Refuses a database that another program made, before anything in it is changed.
fn check_owner(conn: &Connection, path: &Path) -> Result<()> {
    let read = || -> rusqlite::Result<(i32, i64)> {
        let id = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        Ok((id, conn.query_row(include_str!("sql/schema/count_tables.sql"), [], |row| row.get(0))?))
    };
    let (id, tables) = read().map_err(|error| cannot_open(path, &error))?;
    if id == APPLICATION_ID || tables == 0 {
        return Ok(());
    }
    let message = format!(
        "cannot open {}: it is a database of another program; give the store a file of its own",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::CannotOpen, message))
}

impl Setting {
    fn checked(name: &'static str, value: Value) -> Self {
        Self { name, reads_back: Some(value.clone()), value }
    }

    fn apply(&self, conn: &Connection, path: &Path) -> Result<()> {
        conn.pragma_update(None, self.name, &self.value).map_err(|error| cannot_open(path, &error))?;
        let found: Value = conn
            .pragma_query_value(None, self.name, |row| row.get(0))
            .map_err(|error| cannot_open(path, &error))?;
        match &self.reads_back {
            Some(wanted) if *wanted != found => Err(self.did_not_take(path, &found)),
            _ => Ok(()),
        }
    }

    fn did_not_take(&self, path: &Path, found: &Value) -> StoreError {
        let message = format!(
            "cannot open {}: SQLite did not take {} = {:?}, it is {found:?}; the file must be on a local disk \
             that this process can write",
            path.display(),
            self.name,
            self.value
        );
        StoreError::new(StoreErrorKind::CannotOpen, message)
    }
}

pub(super) fn cannot_open(path: &Path, error: &(impl std::error::Error + ?Sized)) -> StoreError {
    let message = format!(
        "cannot open {}: {error}; the path must name a writable file in an existing folder on a local disk",
        path.display()
    );
    StoreError::new(StoreErrorKind::CannotOpen, message)
}
