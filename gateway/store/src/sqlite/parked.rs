//! The operator's shelf, in SQLite.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sidegate_core::Answer;

use super::SqliteStore;
use super::codec::{bytes, headers, headers_json, int, moment, ms, number, text, text_if_any};
use super::transaction::Tx;
use super::trouble::Trouble;
use super::writer::Command;
use crate::page::PageScan;
use crate::{BoxFuture, NewParked, Page, Parked, ParkedMessage, Result};

impl Parked for SqliteStore {
    fn park(&self, batch: Vec<NewParked>) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(self.writer.run(Park(batch)))
    }

    fn parked_list(&self, cursor: Option<u64>, limit: usize) -> BoxFuture<'_, Result<Page<ParkedMessage>>> {
        self.readers.long(move |conn| page(conn, cursor, limit))
    }

    fn parked(&self, id: u64) -> BoxFuture<'_, Result<Option<ParkedMessage>>> {
        self.readers.quick(move |conn| {
            let mut by_id = conn.prepare_cached(include_str!("sql/parked/by_id.sql"))?;
            by_id.query_row([int(id)], message).optional()
        })
    }

    fn unpark(&self, id: u64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(self.writer.run(Unpark(id)))
    }
}

struct Park(Vec<NewParked>);

struct Unpark(u64);

impl Command for Park {
    type Output = Vec<u64>;

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<Self::Output, Trouble> {
        self.0.iter().map(|parked| Ok(upsert(tx, parked)?)).collect()
    }
}

impl Command for Unpark {
    type Output = bool;

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<bool, Trouble> {
        let deleted = tx.sql(include_str!("sql/parked/delete.sql"))?.execute([int(self.0)])?;
        Ok(deleted > 0)
    }
}

fn upsert(tx: &Tx<'_>, parked: &NewParked) -> rusqlite::Result<u64> {
    let answer = parked.last_answer.as_ref();
    let columns = params![
        parked.consumer.as_str(),
        parked.broker.as_str(),
        parked.destination.as_str(),
        parked.event,
        parked.message_id.as_str(),
        parked.key.as_deref(),
        parked.reply_to.as_deref(),
        parked.content_type.as_deref(),
        headers_json(&parked.headers),
        &parked.body[..],
        parked.reason,
        answer.map(|answer| answer.status),
        answer.map(|answer| headers_json(&answer.headers)),
        answer.map(|answer| &answer.body[..]),
        parked.attempts,
        ms(parked.parked_at),
        ms(parked.expires_at),
        parked.correlation_id.as_deref(),
    ];
    tx.sql(include_str!("sql/parked/upsert.sql"))?.query_row(columns, |row| number(row, 0))
}

fn page(conn: &Connection, cursor: Option<u64>, limit: usize) -> rusqlite::Result<Page<ParkedMessage>> {
    let mut page = conn.prepare_cached(include_str!("sql/parked/page.sql"))?;
    let mut rows = page.query([int(cursor.unwrap_or(u64::MAX))])?;
    let mut scan = PageScan::new(limit);
    while let Some(row) = rows.next()? {
        if scan.ends_here() {
            break;
        }
        let message = message(row)?;
        scan.take(message.id, Some(message));
    }
    Ok(scan.into_page())
}

fn message(row: &Row<'_>) -> rusqlite::Result<ParkedMessage> {
    let parked = NewParked {
        consumer: text(row, 0)?,
        broker: text(row, 1)?,
        destination: text(row, 2)?,
        event: row.get(3)?,
        message_id: text(row, 4)?,
        key: text_if_any(row, 5)?,
        reply_to: text_if_any(row, 6)?,
        correlation_id: text_if_any(row, 18)?,
        content_type: text_if_any(row, 7)?,
        headers: headers(row, 8)?,
        body: bytes(row, 9)?,
        reason: row.get(10)?,
        last_answer: last_answer(row)?,
        attempts: row.get(14)?,
        parked_at: moment(row, 15)?,
        expires_at: moment(row, 16)?,
    };
    Ok(ParkedMessage { id: number(row, 17)?, parked })
}

fn last_answer(row: &Row<'_>) -> rusqlite::Result<Option<Answer>> {
    let Some(status) = row.get(11)? else { return Ok(None) };
    Ok(Some(Answer { status, headers: headers(row, 12)?, body: bytes(row, 13)? }))
}
