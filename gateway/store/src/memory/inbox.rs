//! What was executed, in memory.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use sidegate_core::Timestamp;

use super::MemoryStore;
use crate::{BoxFuture, Executed, Inbox, InboxRecord, Result};

type Key = (CompactString, CompactString);

/// Records by message and consumer.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<Key, InboxRecord>,
    by_operation: BTreeSet<(CompactString, Key)>,
    expiring: BTreeSet<(Timestamp, Key)>,
}

impl Inbox for MemoryStore {
    fn executed<'a>(
        &'a self,
        consumer: &'a str,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Executed>>> {
        self.read(move |state| {
            let key = (message_id.into(), consumer.into());
            state.inbox.rows.get(&key).map(|record| record.executed.clone())
        })
    }

    fn executed_for<'a>(&'a self, operation_id: &'a str) -> BoxFuture<'a, Result<Vec<InboxRecord>>> {
        self.read(move |state| state.inbox.of_operation(operation_id))
    }

    fn record(&self, batch: Vec<InboxRecord>) -> BoxFuture<'_, Result<Vec<Executed>>> {
        self.write(|state| Ok(batch.into_iter().map(|record| state.inbox.record(record)).collect()))
    }
}

impl Table {
    fn of_operation(&self, operation_id: &str) -> Vec<InboxRecord> {
        let first = (CompactString::from(operation_id), Key::default());
        let keys = self.by_operation.range(first..).take_while(|(operation, _)| operation == operation_id);
        keys.filter_map(|(_, key)| self.rows.get(key)).cloned().collect()
    }

    fn record(&mut self, record: InboxRecord) -> Executed {
        let key = (record.message_id.clone(), record.consumer.clone());
        if let Some(standing) = self.rows.get(&key)
            && matches!(standing.executed, Executed::Answered { .. })
        {
            return standing.executed.clone();
        }
        self.forget(&key);
        let executed = record.executed.clone();
        self.by_operation.insert((record.operation_id.clone(), key.clone()));
        self.expiring.insert((record.expires_at, key.clone()));
        self.rows.insert(key, record);
        executed
    }

    fn forget(&mut self, key: &Key) {
        if let Some(record) = self.rows.remove(key) {
            self.by_operation.remove(&(record.operation_id, key.clone()));
            self.expiring.remove(&(record.expires_at, key.clone()));
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> usize {
        let expired = self.expiring.iter().take_while(|(expires_at, _)| *expires_at <= now).take(limit);
        let keys: Vec<Key> = expired.map(|(_, key)| key.clone()).collect();
        keys.iter().for_each(|key| self.forget(key));
        keys.len()
    }
}
