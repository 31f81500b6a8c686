//! Storing new operations with their requests.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, params};

use super::row::by_key;
use crate::sqlite::codec::{headers_json, int, kind_word, ms, number, timeline_blob};
use crate::sqlite::lane::LaneId;
use crate::sqlite::tail::OutboxChange;
use crate::sqlite::transaction::Tx;
use crate::sqlite::trouble::Trouble;
use crate::sqlite::writer::Command;
use crate::{Accepted, Claimed, Idempotency, NewOperation, Operation, StoreError};

/// See [`Operations::accept`](crate::Operations::accept).
pub(super) struct Accept(pub(super) Vec<NewOperation>);

/// Who came first with an idempotency key.
struct First {
    fingerprint: [u8; 32],
    operation_key: u64,
}

impl Command for Accept {
    type Output = Vec<Accepted>;
    const IS_NEW_WORK: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Output, Trouble> {
        self.check_room(tx)?;
        self.0.iter().map(|new| accept(tx, new)).collect()
    }
}

impl Accept {
    /// Counts exactly only when it matters: repeats need no room.
    fn check_room(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        if tx.ledger.pending + self.0.len() as u64 <= tx.pending_max {
            return Ok(());
        }
        let news = self.count_new(tx)?;
        if news > 0 && tx.ledger.pending + news > tx.pending_max {
            return Err(Trouble::Refused(StoreError::pending_full(tx.pending_max)));
        }
        Ok(())
    }

    fn count_new(&self, tx: &Tx<'_>) -> rusqlite::Result<u64> {
        let mut scopes = HashSet::new();
        let mut news = 0;
        for new in &self.0 {
            news += match new.idempotency {
                Some(given) => u64::from(scopes.insert(given.scope) && first(tx, &given)?.is_none()),
                None => 1,
            };
        }
        Ok(news)
    }
}

fn accept(tx: &mut Tx<'_>, new: &NewOperation) -> Result<Accepted, Trouble> {
    if let Some(given) = &new.idempotency
        && let Some(first) = first(tx, given)?
    {
        return Ok(repeat(tx, given, &first)?);
    }
    let seq = tx.ledger.next_seq(tx.conn, &new.request.lane)?;
    let operation = Operation::accepted(new);
    insert_operation(tx, new, &operation, seq)?;
    insert_request(tx, new, seq)?;
    if let Some(given) = &new.idempotency {
        let insert = include_str!("../sql/idempotency/insert.sql");
        tx.sql(insert)?.execute(params![given.scope, given.fingerprint, int(new.id.key())])?;
    }
    note(tx, new, seq);
    Ok(Accepted::New(operation))
}

fn first(tx: &Tx<'_>, given: &Idempotency) -> rusqlite::Result<Option<First>> {
    let read = |row: &Row<'_>| Ok(First { fingerprint: row.get(0)?, operation_key: number(row, 1)? });
    tx.sql(include_str!("../sql/idempotency/by_scope.sql"))?.query_row([given.scope], read).optional()
}

fn repeat(tx: &Tx<'_>, given: &Idempotency, first: &First) -> rusqlite::Result<Accepted> {
    if given.fingerprint != first.fingerprint {
        return Ok(Accepted::KeyReused);
    }
    let found = by_key(tx.conn, first.operation_key)?;
    found.map(|stored| Accepted::Existing(stored.operation)).ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn insert_operation(
    tx: &Tx<'_>,
    new: &NewOperation,
    operation: &Operation,
    seq: u64,
) -> rusqlite::Result<()> {
    let state = &operation.state;
    tx.sql(include_str!("../sql/operation/insert.sql"))?
        .execute(params![
            int(new.id.key()),
            new.id.token(),
            new.route.as_str(),
            new.principal.as_deref(),
            new.correlation_id.as_deref(),
            ms(new.created_at),
            int(new.retention_ms),
            new.redrive_of.map(|id| id.to_string()),
            new.idempotency.map(|given| given.scope),
            ms(new.deadline),
            state.status as u8,
            state.revision,
            state.attempts,
            ms(state.updated_at),
            int(seq),
            timeline_blob(&operation.timeline),
        ])
        .map(|_| ())
}

fn insert_request(tx: &Tx<'_>, new: &NewOperation, seq: u64) -> rusqlite::Result<()> {
    let request = &new.request;
    tx.sql(include_str!("../sql/outbox/insert.sql"))?
        .execute(params![
            int(seq),
            int(new.id.key()),
            kind_word(request.kind),
            request.target.as_str(),
            request.key.as_deref(),
            request.method.as_str(),
            request.path.as_str(),
            headers_json(&request.headers),
            &request.body[..],
        ])
        .map(|_| ())
}

/// For the commit: one more is pending, and the dispatcher finds it without reading it back.
fn note(tx: &mut Tx<'_>, new: &NewOperation, seq: u64) {
    tx.ledger.pending += 1;
    tx.effects.last_key = tx.effects.last_key.max(new.id.key());
    let claimed = Claimed {
        seq,
        operation: new.id,
        correlation_id: new.correlation_id.clone(),
        deadline: new.deadline,
        attempts: 0,
        request: new.request.clone(),
    };
    tx.effects.outbox.push(OutboxChange::Added(LaneId::of(seq), Box::new(claimed)));
}
