//! The operator's shelf, in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use compact_str::CompactString;
use sidegate_core::Timestamp;

use super::MemoryStore;
use crate::page::PageScan;
use crate::{BoxFuture, NewParked, Page, Parked, ParkedMessage, Result};

/// Parked messages by their number.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<u64, NewParked>,
    by_message: HashMap<(CompactString, CompactString), u64>,
    expiring: BTreeSet<(Timestamp, u64)>,
    last_id: u64,
}

impl Parked for MemoryStore {
    fn park(&self, batch: Vec<NewParked>) -> BoxFuture<'_, Result<Vec<u64>>> {
        self.write(|state| Ok(batch.into_iter().map(|parked| state.parked.park(parked)).collect()))
    }

    fn parked_list(&self, cursor: Option<u64>, limit: usize) -> BoxFuture<'_, Result<Page<ParkedMessage>>> {
        self.read(move |state| state.parked.list(cursor, limit))
    }

    fn parked(&self, id: u64) -> BoxFuture<'_, Result<Option<ParkedMessage>>> {
        self.read(move |state| {
            let parked = state.parked.rows.get(&id)?.clone();
            Some(ParkedMessage { id, parked })
        })
    }

    fn unpark(&self, id: u64) -> BoxFuture<'_, Result<bool>> {
        self.write(move |state| Ok(state.parked.remove(id)))
    }
}

impl Table {
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    fn park(&mut self, parked: NewParked) -> u64 {
        let message = message_of(&parked);
        let id =
            message.as_ref().and_then(|message| self.by_message.get(message).copied()).unwrap_or_else(|| {
                self.last_id += 1;
                self.last_id
            });
        self.remove(id);
        self.expiring.insert((parked.expires_at, id));
        self.by_message.extend(message.map(|message| (message, id)));
        self.rows.insert(id, parked);
        id
    }

    fn remove(&mut self, id: u64) -> bool {
        let Some(row) = self.rows.remove(&id) else { return false };
        if let Some(message) = message_of(&row) {
            self.by_message.remove(&message);
        }
        self.expiring.remove(&(row.expires_at, id))
    }

    fn list(&self, cursor: Option<u64>, limit: usize) -> Page<ParkedMessage> {
        let mut scan = PageScan::new(limit);
        for (id, parked) in self.rows.range(..cursor.unwrap_or(u64::MAX)).rev() {
            if scan.ends_here() {
                break;
            }
            scan.take(*id, Some(ParkedMessage { id: *id, parked: parked.clone() }));
        }
        scan.into_page()
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> usize {
        let expired = self.expiring.iter().take_while(|(expires_at, _)| *expires_at <= now).take(limit);
        let ids: Vec<u64> = expired.map(|(_, id)| *id).collect();
        ids.iter().filter(|id| self.remove(**id)).count()
    }
}

/// What makes two entries one; a message without an id is never the same as another.
fn message_of(parked: &NewParked) -> Option<(CompactString, CompactString)> {
    (!parked.message_id.is_empty()).then(|| (parked.consumer.clone(), parked.message_id.clone()))
}
