//! Deadlines, retention, backup and the numbers for metrics, in SQLite.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sidegate_core::{OperationId, Timestamp};

use super::codec::{int, moment, ms, number};
use super::operations::id;
use super::readers::blocking;
use super::transaction::Tx;
use super::trouble::{Trouble, store_error};
use super::writer::Command;
use super::{SqliteStore, connect};
use crate::{BoxFuture, Lease, Result, Stats, StoreError, StoreErrorKind, Upkeep};

impl Upkeep for SqliteStore {
    fn overdue(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<OperationId>>> {
        self.readers.quick(move |conn| {
            let mut overdue = conn.prepare_cached(include_str!("sql/operation/overdue.sql"))?;
            overdue.query_map([ms(now), int(limit as u64)], |row| id(row, 0))?.collect()
        })
    }

    fn next_deadline(&self) -> BoxFuture<'_, Result<Option<Timestamp>>> {
        self.readers.quick(|conn| {
            let mut next = conn.prepare_cached(include_str!("sql/operation/next_deadline.sql"))?;
            next.query_row([], |row| moment(row, 0)).optional()
        })
    }

    fn sweep(&self, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<usize>> {
        Box::pin(self.writer.run(Sweep { now, limit }))
    }

    /// There is one replica: the lock file is the lease, and nobody else's work is ever adopted.
    fn renew_lease(&self, _now: Timestamp, _until: Timestamp) -> BoxFuture<'_, Result<Lease>> {
        Box::pin(async { Ok(Lease { epoch: self.epoch, adopted: false }) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.writer.run(Probe))
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats>> {
        let pending = self.writer.shared().pending.load(Ordering::Acquire);
        let disk_bytes = disk_bytes(&self.path);
        self.readers.long(move |conn| {
            let count = |sql| conn.query_row(sql, [], |row| number(row, 0));
            let parked = count(include_str!("sql/parked/count.sql"))?;
            let queued = count(include_str!("sql/message/count.sql"))?;
            Ok(Stats { pending, parked, queued, disk_bytes })
        })
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<()>> {
        let (from, to) = (self.path.clone(), to.to_owned());
        blocking(move || back_up(&from, &to))
    }

    fn secret(&self) -> [u8; 32] {
        self.secret
    }

    fn last_key(&self) -> u64 {
        self.writer.shared().last_key.load(Ordering::Acquire)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.writer.close())
    }
}

struct Sweep {
    now: Timestamp,
    limit: usize,
}

struct Probe;

impl Command for Sweep {
    type Output = usize;

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<usize, Trouble> {
        let mut swept = self.operations(tx)?;
        for sql in [include_str!("sql/inbox/sweep.sql"), include_str!("sql/parked/sweep.sql")] {
            swept += tx.sql(sql)?.execute([ms(self.now), int((self.limit - swept) as u64)])?;
        }
        Ok(swept)
    }
}

impl Sweep {
    fn operations(&self, tx: &Tx<'_>) -> rusqlite::Result<usize> {
        let mut expired = tx.sql(include_str!("sql/operation/expired.sql"))?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let expired = expired.query_map([ms(self.now), int(self.limit as u64)], read)?;
        let expired: Vec<(i64, Option<[u8; 32]>)> = expired.collect::<rusqlite::Result<_>>()?;
        for (key, scope) in &expired {
            forget(tx, *key, *scope)?;
        }
        Ok(expired.len())
    }
}

fn forget(tx: &Tx<'_>, key: i64, scope: Option<[u8; 32]>) -> rusqlite::Result<()> {
    if let Some(scope) = scope {
        tx.sql(include_str!("sql/idempotency/delete.sql"))?.execute([scope])?;
    }
    tx.sql(include_str!("sql/answer/delete.sql"))?.execute([key])?;
    tx.sql(include_str!("sql/operation/delete.sql"))?.execute([key])?;
    Ok(())
}

impl Command for Probe {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        tx.sql(include_str!("sql/meta/set.sql"))?.execute(params!["probe", 1])?;
        Ok(())
    }
}

/// The database and its log, as far as they can be seen.
fn disk_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let bytes = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    bytes(path) + bytes(&PathBuf::from(log))
}

/// On a connection of its own: it reads for as long as it takes, from one consistent state, while writing goes on.
fn back_up(from: &Path, to: &Path) -> Result<()> {
    let target = to.to_str().ok_or_else(|| cannot_back_up(to, &"the path must be valid UTF-8"))?;
    // Creating it refuses an existing file, and lets nobody else read the copy.
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    created.map_err(|error| cannot_back_up(to, &error))?;
    let copied = connect::reader(from).and_then(|conn| copy(&conn, target));
    let synced = copied.and_then(|()| sync(to).map_err(|error| cannot_back_up(to, &error)));
    if synced.is_err() {
        // Half a copy must not be taken for a backup; the first error is the one to tell.
        let _ = std::fs::remove_file(to);
    }
    synced
}

fn copy(conn: &Connection, target: &str) -> Result<()> {
    let copied = conn.execute(include_str!("sql/backup.sql"), [target]);
    copied.map(|_| ()).map_err(|error| store_error("cannot back up", error))
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn cannot_back_up(to: &Path, reason: &dyn std::fmt::Display) -> StoreError {
    let message =
        format!("cannot back up to {}: {reason}; name a new file in an existing folder", to.display());
    StoreError::new(StoreErrorKind::Unexpected, message)
}
