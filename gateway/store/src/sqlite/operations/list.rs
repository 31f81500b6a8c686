//! Listing operations, newest first. A correlation id is looked up; other filters are a scan in bites.

use rusqlite::{Connection, Rows, params};
use sidegate_core::OperationId;

use super::row;
use crate::page::PageScan;
use crate::sqlite::codec::{int, number};
use crate::{Filter, Operation, Page};

pub(super) fn page(conn: &Connection, filter: &Filter) -> rusqlite::Result<Page<Operation>> {
    let lowest = int(filter.since.map_or(0, OperationId::lowest_key_at));
    let below = int(filter.cursor.unwrap_or(u64::MAX));
    match &filter.correlation_id {
        Some(wanted) => {
            let own_key = wanted.parse::<OperationId>().ok().map(|id| int(id.key()));
            let mut page = conn.prepare_cached(include_str!("../sql/operation/page_of_correlation.sql"))?;
            scan(page.query(params![lowest, below, wanted.as_str(), own_key])?, filter)
        }
        None => {
            let mut page = conn.prepare_cached(include_str!("../sql/operation/page.sql"))?;
            scan(page.query([lowest, below])?, filter)
        }
    }
}

fn scan(mut rows: Rows<'_>, filter: &Filter) -> rusqlite::Result<Page<Operation>> {
    let mut scan = PageScan::new(filter.limit);
    while let Some(row) = rows.next()? {
        let operation = row::operation(row)?;
        if !filter.names(&operation) {
            continue;
        }
        if scan.ends_here() {
            break;
        }
        scan.take(number(row, 0)?, filter.wants(&operation).then_some(operation));
    }
    Ok(scan.into_page())
}
