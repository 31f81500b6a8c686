//! The running transaction, as a command sees it: statements, the ledger, and what is to happen after the commit.

use rusqlite::{CachedStatement, Connection};

use super::ledger::Ledger;
use super::tail::OutboxChange;

/// One transaction of the writer, shared by the commands of a group.
#[derive(Debug)]
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) ledger: &'a mut Ledger,
    pub(super) effects: Effects,
    /// Requests that may wait for the broker.
    pub(super) pending_max: u64,
}

/// What others see of a transaction, from its commit on.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) outbox: Vec<OutboxChange>,
    /// The highest operation key that was stored.
    pub(super) last_key: u64,
}

impl<'a> Tx<'a> {
    /// A compiled statement; compiled once per text.
    pub(super) fn sql(&self, text: &'static str) -> rusqlite::Result<CachedStatement<'a>> {
        self.conn.prepare_cached(text)
    }
}
