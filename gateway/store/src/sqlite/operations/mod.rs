//! Operations in SQLite: two commands, and the reads.

mod accept;
mod apply;
mod list;
mod row;

use rusqlite::{Connection, OptionalExtension, Row};
use sidegate_core::operation::Event;
use sidegate_core::{Answer, OperationId, Timestamp};

use super::SqliteStore;
use super::codec::{bytes, headers, int};
use crate::{Accepted, Applied, BoxFuture, Filter, NewOperation, Operation, Operations, Page, Result};
use accept::Accept;
use apply::Apply;
pub(super) use row::id;

impl Operations for SqliteStore {
    fn accept(&self, batch: Vec<NewOperation>) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        Box::pin(self.writer.run(Accept(batch)))
    }

    fn apply(&self, batch: Vec<(OperationId, Event)>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Applied>>> {
        Box::pin(self.writer.run(Apply { batch, now }))
    }

    fn operation(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Operation>>> {
        self.readers.quick(move |conn| {
            let found = row::by_key(conn, id.key())?;
            Ok(found.map(|stored| stored.operation).filter(|operation| operation.id == id))
        })
    }

    fn answer(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Answer>>> {
        self.readers.quick(move |conn| answer(conn, id))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page<Operation>>> {
        self.readers.long(move |conn| list::page(conn, &filter))
    }
}

fn answer(conn: &Connection, id: OperationId) -> rusqlite::Result<Option<Answer>> {
    let mut by_operation = conn.prepare_cached(include_str!("../sql/answer/by_operation.sql"))?;
    let read = |row: &Row<'_>| {
        let is_this = row.get_ref(0)?.as_blob().is_ok_and(|token| token == id.token());
        let answer = || Ok(Answer { status: row.get(1)?, headers: headers(row, 2)?, body: bytes(row, 3)? });
        is_this.then(answer).transpose()
    };
    by_operation.query_row([int(id.key())], read).optional().map(Option::flatten)
}
