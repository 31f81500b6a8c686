//! The embedded broker's messages, in SQLite. A message's row is never rewritten; what changes of a few messages
//! stands beside.

use compact_str::CompactString;
use rusqlite::{Connection, Row, params};
use sidegate_core::Timestamp;

use super::SqliteStore;
use super::codec::{bytes, headers, headers_json, int, moment, ms, number, text, text_if_any};
use super::transaction::Tx;
use super::trouble::Trouble;
use super::writer::Command;
use crate::{BoxFuture, NewQueued, Queued, Queues, Result};

impl Queues for SqliteStore {
    fn enqueue(&self, batch: Vec<NewQueued>) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(self.writer.run(Enqueue(batch)))
    }

    fn dequeue(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.writer.run(Dequeue(positions)))
    }

    fn postpone(&self, position: u64, attempt: u32, ready_at: Timestamp) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.writer.run(Postpone { position, attempt, ready_at }))
    }

    fn queued<'a>(&'a self, queue: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Queued>>> {
        let queue = CompactString::from(queue);
        self.readers.long(move |conn| page(conn, &queue, after, limit))
    }

    fn queue_lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>>> {
        self.readers.long(|conn| {
            let mut lengths = conn.prepare_cached(include_str!("sql/message/lengths.sql"))?;
            lengths.query_map([], |row| Ok((text(row, 0)?, number(row, 1)?)))?.collect()
        })
    }

    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.writer.run(Bind { destination: destination.into(), queue: queue.into() }))
    }

    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>>> {
        self.readers.quick(|conn| {
            let mut all = conn.prepare_cached(include_str!("sql/binding/all.sql"))?;
            all.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?)))?.collect()
        })
    }
}

struct Enqueue(Vec<NewQueued>);

struct Dequeue(Vec<u64>);

struct Postpone {
    position: u64,
    attempt: u32,
    ready_at: Timestamp,
}

struct Bind {
    destination: CompactString,
    queue: CompactString,
}

impl Command for Enqueue {
    type Output = Vec<u64>;

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<Self::Output, Trouble> {
        self.0.iter().map(|message| Ok(insert(tx, message)?)).collect()
    }
}

impl Command for Dequeue {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        for position in &self.0 {
            tx.sql(include_str!("sql/message/delete.sql"))?.execute([int(*position)])?;
            tx.sql(include_str!("sql/postponed/delete.sql"))?.execute([int(*position)])?;
        }
        Ok(())
    }
}

impl Command for Postpone {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        let columns = params![int(self.position), self.attempt, ms(self.ready_at)];
        tx.sql(include_str!("sql/postponed/upsert.sql"))?.execute(columns)?;
        Ok(())
    }
}

impl Command for Bind {
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), Trouble> {
        tx.sql(include_str!("sql/binding/insert.sql"))?
            .execute([self.destination.as_str(), self.queue.as_str()])?;
        Ok(())
    }
}

fn insert(tx: &mut Tx<'_>, message: &NewQueued) -> rusqlite::Result<u64> {
    let position = tx.ledger.next_position(tx.conn)?;
    tx.sql(include_str!("sql/message/insert.sql"))?.execute(params![
        int(position),
        message.queue.as_str(),
        message.message_id.as_str(),
        message.destination.as_str(),
        message.key.as_deref(),
        message.correlation_id.as_deref(),
        message.reply_to.as_deref(),
        message.content_type.as_deref(),
        headers_json(&message.headers),
        &message.body[..],
    ])?;
    Ok(position)
}

fn page(conn: &Connection, queue: &str, after: u64, limit: usize) -> rusqlite::Result<Vec<Queued>> {
    let mut page = conn.prepare_cached(include_str!("sql/message/page.sql"))?;
    page.query_map(params![queue, int(after), int(limit as u64)], queued)?.collect()
}

fn queued(row: &Row<'_>) -> rusqlite::Result<Queued> {
    let message = NewQueued {
        queue: text(row, 1)?,
        message_id: text(row, 2)?,
        destination: text(row, 3)?,
        key: text_if_any(row, 4)?,
        correlation_id: text_if_any(row, 5)?,
        reply_to: text_if_any(row, 6)?,
        content_type: text_if_any(row, 7)?,
        headers: headers(row, 8)?,
        body: bytes(row, 9)?,
    };
    Ok(Queued { position: number(row, 0)?, attempt: row.get(10)?, ready_at: moment(row, 11)?, message })
}
