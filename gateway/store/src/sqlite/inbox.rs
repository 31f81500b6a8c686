//! What was executed, in SQLite.

use rusqlite::{OptionalExtension, Row, ToSql, params};

use super::SqliteStore;
use super::codec::{bytes, headers, headers_json, moment, moment_if_any, ms, text, text_if_any};
use super::transaction::Tx;
use super::trouble::Trouble;
use super::writer::Command;
use crate::{BoxFuture, Executed, Inbox, InboxRecord, Result};
use sidegate_core::Answer;

impl Inbox for SqliteStore {
    fn executed<'a>(
        &'a self,
        consumer: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Executed>>> {
        self.readers.quick(move |conn| {
            let mut by_message = conn.prepare_cached(include_str!("sql/inbox/by_message.sql"))?;
            by_message.query_row([message_id, consumer], executed).optional()
        })
    }

    fn executed_for<'a>(&'a self, operation_id: &'a str) -> BoxFuture<'a, Result<Vec<InboxRecord>>> {
        self.readers.quick(move |conn| {
            let mut by_operation = conn.prepare_cached(include_str!("sql/inbox/by_operation.sql"))?;
            by_operation.query_map([operation_id], record)?.collect()
        })
    }

    fn record(&self, batch: Vec<InboxRecord>) -> BoxFuture<'_, Result<Vec<Executed>>> {
        Box::pin(self.writer.run(Record(batch)))
    }
}

struct Record(Vec<InboxRecord>);

impl Command for Record {
    type Output = Vec<Executed>;

    fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<Self::Output, Trouble> {
        self.0.iter().map(|record| Ok(write(tx, record)?)).collect()
    }
}

/// The usual case, a first record, is one statement.
fn write(tx: &Tx<'_>, new: &InboxRecord) -> rusqlite::Result<Executed> {
    let is_first =
        with_columns(new, |columns| tx.sql(include_str!("sql/inbox/insert.sql"))?.execute(columns))? == 1;
    if !is_first {
        let mut by_message = tx.sql(include_str!("sql/inbox/by_message.sql"))?;
        let standing = by_message.query_row([new.message_id.as_str(), new.consumer.as_str()], executed)?;
        if matches!(standing, Executed::Answered { .. }) {
            return Ok(standing);
        }
        with_columns(new, |columns| tx.sql(include_str!("sql/inbox/update.sql"))?.execute(columns))?;
    }
    Ok(new.executed.clone())
}

/// The columns of a record, in the order in which both statements that write one take them.
fn with_columns<T>(record: &InboxRecord, write: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
    let InboxRecord { message_id, consumer, operation_id, expires_at, executed } = record;
    let who: [&dyn ToSql; 4] =
        [&message_id.as_str(), &consumer.as_str(), &operation_id.as_str(), &ms(*expires_at)];
    let [message_id, consumer, operation_id, expires_at] = who;
    match executed {
        Executed::Awaiting { broker, reply_to, correlation_id, deadline } => write(params![
            message_id,
            consumer,
            operation_id,
            expires_at,
            broker.as_str(),
            reply_to.as_deref(),
            deadline.map(ms),
            None::<u16>,
            None::<bool>,
            None::<&str>,
            None::<&[u8]>,
            correlation_id.as_deref(),
        ]),
        Executed::Answered { answer, exhausted } => write(params![
            message_id,
            consumer,
            operation_id,
            expires_at,
            None::<&str>,
            None::<&str>,
            None::<i64>,
            answer.status,
            exhausted,
            headers_json(&answer.headers),
            &answer.body[..],
            None::<&str>,
        ]),
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<InboxRecord> {
    Ok(InboxRecord {
        message_id: text(row, 0)?,
        consumer: text(row, 1)?,
        operation_id: text(row, 2)?,
        expires_at: moment(row, 3)?,
        executed: executed(row)?,
    })
}

fn executed(row: &Row<'_>) -> rusqlite::Result<Executed> {
    if let Some(status) = row.get(7)? {
        let answer = Answer { status, headers: headers(row, 9)?, body: bytes(row, 10)? };
        return Ok(Executed::Answered { answer, exhausted: row.get(8)? });
    }
    Ok(Executed::Awaiting {
        broker: text(row, 4)?,
        reply_to: text_if_any(row, 5)?,
        correlation_id: text_if_any(row, 11)?,
        deadline: moment_if_any(row, 6)?,
    })
}
