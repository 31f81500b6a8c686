//! Applying events: the core decides, on the row as it is inside the transaction.

use rusqlite::params;
use sidegate_core::operation::{self, Event};
use sidegate_core::{Answer, OperationId, Timestamp};

use super::row::{Stored, by_key};
use crate::sqlite::codec::{headers_json, int, ms, timeline_blob};
use crate::sqlite::tail::OutboxChange;
use crate::sqlite::transaction::Tx;
use crate::sqlite::trouble::Trouble;
use crate::sqlite::writer::Command;
use crate::{Applied, Operation};

/// See [`Operations::apply`](crate::Operations::apply).
pub(super) struct Apply {
    pub(super) batch: Vec<(OperationId, Event)>,
    pub(super) now: Timestamp,
}

impl Command for Apply {
    type Output = Vec<Applied>;

    fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Trouble> {
        self.batch.iter().map(|(id, event)| Ok(apply(tx, *id, event, self.now)?)).collect()
    }
}

fn apply(tx: &mut Tx<'_>, id: OperationId, event: &Event, now: Timestamp) -> rusqlite::Result<Applied> {
    let Some(mut stored) = by_key(tx.conn, id.key())?.filter(|stored| stored.operation.id == id) else {
        return Ok(Applied::Unknown);
    };
    let transition = match operation::apply(&stored.operation.state, event, now) {
        Ok(transition) => transition,
        Err(refusal) => return Ok(Applied::Unchanged(stored.operation, refusal)),
    };
    if transition.forget_request {
        forget_request(tx, &mut stored)?;
    } else if let Some(seq) = stored.outbox_seq {
        tx.effects.outbox.push(OutboxChange::Begun(seq, transition.state.attempts));
    }
    if let Some(answer) = event.answer().filter(|_| transition.record_answer) {
        insert_answer(tx, id, answer)?;
    }
    stored.operation.advance(transition.state, event, stored.retention_ms);
    update(tx, &stored)?;
    Ok(Applied::Changed(stored.operation))
}

fn forget_request(tx: &mut Tx<'_>, stored: &mut Stored) -> rusqlite::Result<()> {
    let Some(seq) = stored.outbox_seq.take() else { return Ok(()) };
    tx.sql(include_str!("../sql/outbox/delete.sql"))?.execute([int(seq)])?;
    tx.ledger.pending = tx.ledger.pending.saturating_sub(1);
    tx.effects.outbox.push(OutboxChange::Forgotten(seq));
    Ok(())
}

fn insert_answer(tx: &Tx<'_>, id: OperationId, answer: &Answer) -> rusqlite::Result<()> {
    tx.sql(include_str!("../sql/answer/insert.sql"))?
        .execute(params![int(id.key()), headers_json(&answer.headers), &answer.body[..]])
        .map(|_| ())
}

fn update(tx: &Tx<'_>, stored: &Stored) -> rusqlite::Result<()> {
    match stored.operation.expires_at {
        Some(expires_at) => end(tx, &stored.operation, expires_at),
        None => progress(tx, stored),
    }
}

/// Touches no index: deadline and expiry stay as they are.
fn progress(tx: &Tx<'_>, stored: &Stored) -> rusqlite::Result<()> {
    let Operation { id, state, timeline, .. } = &stored.operation;
    tx.sql(include_str!("../sql/operation/progress.sql"))?
        .execute(params![
            int(id.key()),
            state.status as u8,
            state.revision,
            state.attempts,
            ms(state.updated_at),
            stored.outbox_seq.map(int),
            timeline_blob(timeline),
        ])
        .map(|_| ())
}

fn end(tx: &Tx<'_>, operation: &Operation, expires_at: Timestamp) -> rusqlite::Result<()> {
    let Operation { id, state, timeline, outcome, .. } = operation;
    tx.sql(include_str!("../sql/operation/end.sql"))?
        .execute(params![
            int(id.key()),
            state.status as u8,
            state.revision,
            state.attempts,
            ms(state.updated_at),
            timeline_blob(timeline),
            ms(expires_at),
            state.answer_status,
            outcome.as_ref().and_then(|outcome| outcome.content_type.as_deref()),
            outcome.as_ref().map(|outcome| int(outcome.body_bytes)),
        ])
        .map(|_| ())
}
