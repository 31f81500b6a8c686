//! Lanes of the outbox: each is a range of the table's keys, so that one lane is read in order without an index and
//! without passing the requests of another lane that stands still.

use std::collections::HashMap;
use std::ops::Range;

use compact_str::CompactString;
use rusqlite::{Connection, Row, params};

use super::codec::{int, text};

const NUMBER_BITS: u32 = 48;
const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;
/// The last whose whole range is positive as SQLite counts.
const LANE_MAX: u16 = i16::MAX as u16 - 1;

/// A lane, by its number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LaneId(u16);

impl LaneId {
    /// The lowest that none of these is.
    pub(super) fn unused(used: &HashMap<CompactString, Self>) -> Option<Self> {
        (1..=LANE_MAX).map(Self).find(|id| !used.values().any(|used| used == id))
    }

    /// The lane that a place belongs to.
    pub(super) const fn of(seq: u64) -> Self {
        Self((seq >> NUMBER_BITS) as u16)
    }

    /// The place of the request with this rising number.
    pub(super) const fn seq(self, number: u64) -> u64 {
        self.floor() | number
    }

    /// The rising number of a place in this lane.
    pub(super) const fn number_of(self, seq: u64) -> u64 {
        seq & NUMBER_MAX
    }

    /// Below every place of this lane.
    pub(super) const fn floor(self) -> u64 {
        (self.0 as u64) << NUMBER_BITS
    }

    /// The places after `after`.
    pub(super) fn after(self, after: u64) -> Range<u64> {
        let end = self.floor() + NUMBER_MAX + 1;
        (after.max(self.floor()) + 1).min(end)..end
    }
}

pub(super) fn all(conn: &Connection) -> rusqlite::Result<HashMap<CompactString, LaneId>> {
    let mut all = conn.prepare_cached(include_str!("sql/lane/all.sql"))?;
    let named = |row: &Row<'_>| Ok((text(row, 1)?, LaneId(row.get(0)?)));
    all.query_map([], named)?.collect()
}

pub(super) fn insert(conn: &Connection, id: LaneId, name: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(include_str!("sql/lane/insert.sql"))?.execute(params![id.0, name]).map(|_| ())
}

/// The highest place taken in a lane; its floor when it is empty.
pub(super) fn last_seq(conn: &Connection, id: LaneId) -> rusqlite::Result<u64> {
    let places = id.after(0);
    let mut last = conn.prepare_cached(include_str!("sql/outbox/last_of_lane.sql"))?;
    let seq: Option<i64> = last.query_row([int(id.floor()), int(places.end)], |row| row.get(0))?;
    Ok(seq.map_or(id.floor(), i64::cast_unsigned))
}

/// Lanes of routes and brokers that the config does not have any more, and that nothing waits in.
pub(super) fn delete_unused(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute(include_str!("sql/lane/delete_unused.sql"), []).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{LANE_MAX, LaneId};

    #[test]
    fn the_places_of_lanes_do_not_meet() {
        let (first, second) = (LaneId(1), LaneId(2));
        assert!(first.after(0).contains(&first.seq(1)), "the first place is found from the beginning");
        assert!(!first.after(0).contains(&second.seq(1)), "another lane's place is not");
        assert!(!first.after(first.seq(5)).contains(&first.seq(5)), "after means after");
        assert!(first.after(second.seq(1)).is_empty(), "behind its end a lane has nothing");
        assert!(i64::try_from(LaneId(LANE_MAX).after(0).end).is_ok(), "every place is a positive key");
    }

    #[test]
    fn a_new_lane_takes_the_lowest_free_number() {
        let used = [("call/a".into(), LaneId(1)), ("call/b".into(), LaneId(3))].into();
        assert_eq!(LaneId::unused(&used), Some(LaneId(2)));
    }
}
