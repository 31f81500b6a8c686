//! Bare group commit: the rows that accepting a request writes, into the gateway's own tables, with the gateway's
//! durability, and nothing else. No HTTP: what it reaches is a ceiling for durable acceptance on this disk.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use rusqlite::{Connection, named_params};
use tokio::sync::{mpsc, oneshot};

use super::callers;
use crate::cli::RowsPlan;
use crate::load::request::json_of_1_kib;
use crate::measure::sample::Sample;

/// The gateway's own tables.
const SCHEMA: &str = include_str!("../../../../gateway/store/src/sqlite/migrations/V1__store.sql");
/// The most rows that one commit takes.
const BATCH_MAX: usize = 256;

const OPERATION: &str = "
    INSERT INTO operation (key, token, route, created_at, retention_ms, deadline, status, revision, attempts,
                           updated_at, outbox_seq, timeline, open_until)
    VALUES (:key, :token, 'accept', :now, 86400000, :now + 86400000, 0, 1, 0, :now, :key, :timeline, :now + 86400000)";
const REQUEST: &str = r#"
    INSERT INTO outbox (seq, operation, kind, target, method, path, headers, body)
    VALUES (:key, :key, 'send', 'orders.create', 'POST', '/orders', '[["content-type","application/json"]]', :body)"#;

struct Row {
    token: [u8; 16],
    body: String,
    committed: oneshot::Sender<()>,
}

/// Inserts as fast as it can and tells its own sample.
pub(super) fn measure(plan: &RowsPlan) -> Result<Sample> {
    let connection = open(&plan.folder.join("floor.db")).context("the floor's database cannot be made")?;
    let (rows, queue) = mpsc::channel(usize::from(plan.callers.clients));
    let writer = std::thread::spawn(move || write(connection, queue));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let sample = runtime.block_on(callers::sample(plan.callers, move || insert(rows.clone())));
    writer.join().map_err(|_| anyhow!("the writer panicked"))??;
    sample
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Inserts a row and waits for its commit.
async fn insert(rows: mpsc::Sender<Row>) -> Result<()> {
    let (committed, commit) = oneshot::channel();
    let mut token = [0; 16];
    getrandom::fill(&mut token)?;
    rows.send(Row { token, body: json_of_1_kib(), committed }).await.context("the writer ended")?;
    commit.await.context("the writer failed")
}

/// Commits whatever has come while the last commit was under way.
fn write(mut connection: Connection, mut queue: mpsc::Receiver<Row>) -> Result<()> {
    let mut key = 0;
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        let transaction = connection.transaction()?;
        for row in &batch {
            key += 1;
            store(&transaction, key, row)?;
        }
        transaction.commit()?;
        for row in batch.drain(..) {
            let _ = row.committed.send(());
        }
    }
    Ok(())
}

fn store(connection: &Connection, key: i64, row: &Row) -> rusqlite::Result<()> {
    // What the moment is does not matter; that it is written does.
    let (now, timeline) = (1_700_000_000_000_i64 + key, [0_u8; 9]);
    connection.prepare_cached(OPERATION)?.execute(named_params! {
        ":key": key, ":token": row.token, ":now": now, ":timeline": timeline,
    })?;
    connection
        .prepare_cached(REQUEST)?
        .execute(named_params! { ":key": key, ":body": row.body.as_bytes() })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::measure;
    use crate::cli::{Callers, RowsPlan};

    #[test]
    fn the_floor_fits_the_gateways_tables() {
        let folder = tempfile::tempdir().expect("a folder");
        let callers = Callers { milliseconds: 50, clients: 8 };
        let plan = RowsPlan { folder: folder.path().to_owned(), callers };
        let sample = measure(&plan).expect("rows can be inserted into the gateway's tables as they are now");
        assert!(sample.requests >= 8, "every client's first row was committed: {sample:?}");
    }
}
