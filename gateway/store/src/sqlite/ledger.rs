//! What the writer knows by heart: counters that would cost a query each, kept in step with the database.
//!
//! Counts change with commits only. Numbers that were given out are never given out again while the process runs,
//! not even when their transaction was rolled back: a reader may already stand behind them.

use std::collections::HashMap;

use compact_str::CompactString;
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{int, number};
use super::lane::{self, LaneId};
use super::trouble::Trouble;
use crate::{StoreError, StoreErrorKind};

/// Positions reserved by one write of the high-water mark. After a restart numbering goes on behind what was
/// reserved, so that no position is used twice though its message is gone.
const POSITIONS_RESERVED: u64 = 1 << 16;

const PENDING: &str = "pending";
const POSITION_RESERVED: &str = "position_reserved";

/// The counters, as the running transaction sees them.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Requests in the outbox.
    pub(super) pending: u64,
    pending_stored: u64,
    lanes: HashMap<CompactString, LaneId>,
    last_outbox_number: u64,
    last_position: u64,
    position_reserved: u64,
}

impl Ledger {
    /// As the database has it when the store opens.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut ledger = Self {
            pending: 0,
            pending_stored: 0,
            lanes: HashMap::new(),
            last_outbox_number: 0,
            last_position: 0,
            position_reserved: 0,
        };
        ledger.reload(conn)?;
        ledger.last_position = ledger.position_reserved;
        for id in ledger.lanes.values() {
            let last = lane::last_seq(conn, *id)?;
            ledger.last_outbox_number = ledger.last_outbox_number.max(id.number_of(last));
        }
        Ok(ledger)
    }

    /// After a rollback: what was stored stands, what was given out stays given out.
    pub(super) fn reload(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.pending = read(conn, PENDING)?;
        self.pending_stored = self.pending;
        self.position_reserved = read(conn, POSITION_RESERVED)?;
        self.lanes = lane::all(conn)?;
        Ok(())
    }

    pub(super) const fn lanes(&self) -> &HashMap<CompactString, LaneId> {
        &self.lanes
    }

    /// The next place in a lane; the lane is made when it is new.
    pub(super) fn next_seq(&mut self, conn: &Connection, lane: &CompactString) -> Result<u64, Trouble> {
        let id = match self.lanes.get(lane) {
            Some(id) => *id,
            None => self.add_lane(conn, lane)?,
        };
        self.last_outbox_number += 1;
        Ok(id.seq(self.last_outbox_number))
    }

    fn add_lane(&mut self, conn: &Connection, name: &CompactString) -> Result<LaneId, Trouble> {
        let Some(id) = LaneId::unused(&self.lanes) else {
            let message =
                format!("cannot accept: the store counts no more lanes, and {name} would be one more");
            return Err(Trouble::Refused(StoreError::new(StoreErrorKind::Unexpected, message)));
        };
        lane::insert(conn, id, name)?;
        self.lanes.insert(name.clone(), id);
        Ok(id)
    }

    /// The next position of the embedded broker's messages.
    pub(super) fn next_position(&mut self, conn: &Connection) -> rusqlite::Result<u64> {
        if self.last_position >= self.position_reserved {
            self.position_reserved = self.last_position + POSITIONS_RESERVED;
            write(conn, POSITION_RESERVED, self.position_reserved)?;
        }
        self.last_position += 1;
        Ok(self.last_position)
    }

    /// Writes what changed; the last step before a commit.
    pub(super) fn store(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        if self.pending != self.pending_stored {
            write(conn, PENDING, self.pending)?;
            self.pending_stored = self.pending;
        }
        Ok(())
    }
}

fn read(conn: &Connection, name: &str) -> rusqlite::Result<u64> {
    let mut get = conn.prepare_cached(include_str!("sql/meta/get.sql"))?;
    Ok(get.query_row([name], |row| number(row, 0)).optional()?.unwrap_or(0))
}

fn write(conn: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    conn.prepare_cached(include_str!("sql/meta/set.sql"))?.execute(params![name, int(value)]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::Ledger;
    use rusqlite::Connection;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().expect("memory is there");
        conn.execute_batch(include_str!("migrations/V1__store.sql")).expect("the schema is valid");
        conn
    }

    #[test]
    fn positions_go_on_behind_what_was_reserved() {
        let conn = database();
        let mut ledger = Ledger::load(&conn).expect("an empty database is a ledger of zeros");
        let before = ledger.next_position(&conn).expect("a position");
        let mut reopened = Ledger::load(&conn).expect("loads again");
        let after = reopened.next_position(&conn).expect("a position");
        assert!(after > before, "a position is never used twice, though no message with it is stored");
    }

    #[test]
    fn a_rollback_gives_nothing_out_again() {
        let conn = database();
        let mut ledger = Ledger::load(&conn).expect("loads");
        conn.execute_batch("BEGIN").expect("begins");
        let seq = ledger.next_seq(&conn, &"broker/main".into()).expect("a place in the lane");
        let position = ledger.next_position(&conn).expect("a position");
        ledger.pending += 1;
        conn.execute_batch("ROLLBACK").expect("rolls back");
        ledger.reload(&conn).expect("reloads");
        assert_eq!(ledger.pending, 0, "what was rolled back does not count");
        assert!(
            ledger.next_seq(&conn, &"broker/main".into()).expect("a place") > seq,
            "readers may stand behind it"
        );
        assert!(ledger.next_position(&conn).expect("a position") > position, "positions rise");
    }
}
