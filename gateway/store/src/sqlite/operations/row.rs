//! An operation's row, read. The statements that read one name the same columns in the same order.

use rusqlite::{Connection, OptionalExtension, Row};
use sidegate_core::OperationId;
use sidegate_core::operation::State;

use crate::sqlite::codec::{int, moment, moment_if_any, number, status, text_if_any, timeline, undecodable};
use crate::{Operation, Outcome};

/// An operation, and what only the writer needs to know of it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) operation: Operation,
    pub(super) retention_ms: u64,
    pub(super) outbox_seq: Option<u64>,
}

pub(super) fn by_key(conn: &Connection, key: u64) -> rusqlite::Result<Option<Stored>> {
    let mut by_key = conn.prepare_cached(include_str!("../sql/operation/by_key.sql"))?;
    by_key.query_row([int(key)], stored).optional()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        operation: operation(row)?,
        retention_ms: number(row, 17)?,
        outbox_seq: row.get::<_, Option<i64>>(18)?.map(i64::cast_unsigned),
    })
}

pub(super) fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        id: id(row, 0)?,
        route: row.get_ref(2)?.as_str().map_err(|error| undecodable(2, error))?.into(),
        principal: text_if_any(row, 3)?,
        correlation_id: text_if_any(row, 4)?,
        created_at: moment(row, 5)?,
        redrive_of: redrive_of(row, 6)?,
        state: state(row)?,
        timeline: timeline(row, 12)?,
        expires_at: moment_if_any(row, 13)?,
        outcome: outcome(row)?,
    })
}

/// The two halves of an id, in two columns beside each other.
pub(in crate::sqlite) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<OperationId> {
    Ok(OperationId::from_parts(number(row, column)?, row.get(column + 1)?))
}

fn redrive_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<OperationId>> {
    let id = text_if_any(row, column)?.map(|id| id.parse());
    id.transpose().map_err(|error| undecodable(column, error))
}

fn state(row: &Row<'_>) -> rusqlite::Result<State> {
    Ok(State {
        deadline: moment(row, 7)?,
        status: status(row, 8)?,
        revision: row.get(9)?,
        attempts: row.get(10)?,
        updated_at: moment(row, 11)?,
        answer_status: row.get(14)?,
    })
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Option<Outcome>> {
    let Some(status) = row.get(14)? else { return Ok(None) };
    Ok(Some(Outcome { status, content_type: text_if_any(row, 15)?, body_bytes: number(row, 16)? }))
}
