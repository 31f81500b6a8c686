//! Reading requests that are not yet at the broker. They are written by `accept` and deleted by `apply`.

use std::sync::atomic::Ordering;

use compact_str::CompactString;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::{bytes, headers, int, kind, moment, number, text, text_if_any};
use super::lane::LaneId;
use super::operations::id;
use super::tail::Reading;
use crate::{BoxFuture, Claimed, Outbox, Request, Result};

impl Outbox for SqliteStore {
    fn claimed<'a>(&'a self, lane: &'a str, after: u64, limit: usize) -> BoxFuture<'a, Result<Vec<Claimed>>> {
        Box::pin(async move {
            match self.writer.shared().tail.read(lane, after, limit) {
                Reading::Complete(claimed) => Ok(claimed),
                Reading::AskDatabase(id) => {
                    let name = CompactString::from(lane);
                    self.readers.long(move |conn| page(conn, id, &name, after, limit)).await
                }
            }
        })
    }

    fn lanes(&self) -> BoxFuture<'_, Result<Vec<CompactString>>> {
        self.readers.quick(|conn| {
            let mut in_use = conn.prepare_cached(include_str!("sql/lane/in_use.sql"))?;
            in_use.query_map([], |row| text(row, 0))?.collect()
        })
    }

    fn pending(&self) -> u64 {
        self.writer.shared().pending.load(Ordering::Acquire)
    }
}

fn page(
    conn: &Connection,
    lane: LaneId,
    name: &CompactString,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Claimed>> {
    let places = lane.after(after);
    let mut page = conn.prepare_cached(include_str!("sql/outbox/page.sql"))?;
    let range = params![int(places.start - 1), int(places.end), int(limit as u64)];
    page.query_map(range, |row| claimed(row, name))?.collect()
}

fn claimed(row: &Row<'_>, lane: &CompactString) -> rusqlite::Result<Claimed> {
    Ok(Claimed {
        seq: number(row, 0)?,
        operation: id(row, 1)?,
        correlation_id: text_if_any(row, 3)?,
        deadline: moment(row, 4)?,
        attempts: row.get(5)?,
        request: request(row, lane)?,
    })
}

fn request(row: &Row<'_>, lane: &CompactString) -> rusqlite::Result<Request> {
    Ok(Request {
        kind: kind(row, 6)?,
        lane: lane.clone(),
        target: text(row, 7)?,
        key: text_if_any(row, 8)?,
        method: text(row, 9)?,
        path: text(row, 10)?,
        headers: headers(row, 11)?,
        body: bytes(row, 12)?,
    })
}
