//! Operations in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sidegate_core::operation::{self, Event, Transition};
use sidegate_core::{Answer, OperationId, Timestamp};

use super::{MemoryStore, State};
use crate::page::PageScan;
use crate::{
    Accepted, Applied, BoxFuture, Filter, Idempotency, NewOperation, Operation, Operations, Page, Result,
    StoreError, StoreErrorKind,
};

/// Operations by key, and the ways to find them.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<u64, Row>,
    by_scope: HashMap<[u8; 32], ([u8; 32], u64)>,
    open: BTreeSet<(Timestamp, u64)>,
    expiring: BTreeSet<(Timestamp, u64)>,
    last_key: u64,
}

#[derive(Debug)]
struct Row {
    operation: Operation,
    retention_ms: u64,
    scope: Option<[u8; 32]>,
    outbox_seq: Option<u64>,
    answer: Option<Answer>,
}

impl Operations for MemoryStore {
    fn accept(&self, batch: Vec<NewOperation>) -> BoxFuture<'_, Result<Vec<Accepted>>> {
        self.write(|state| {
            state.check_room(&batch, self.options.pending_max)?;
            Ok(batch.into_iter().map(|new| state.accept(new)).collect())
        })
    }

    fn apply(&self, batch: Vec<(OperationId, Event)>, now: Timestamp) -> BoxFuture<'_, Result<Vec<Applied>>> {
        self.write(move |state| Ok(batch.iter().map(|(id, event)| state.apply(*id, event, now)).collect()))
    }

    fn operation(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Operation>>> {
        self.read(move |state| state.operations.find(id).map(|row| row.operation.clone()))
    }

    fn answer(&self, id: OperationId) -> BoxFuture<'_, Result<Option<Answer>>> {
        self.read(move |state| state.operations.find(id).and_then(|row| row.answer.clone()))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page<Operation>>> {
        self.read(move |state| state.operations.list(&filter))
    }
}

impl State {
    /// Refuses a batch with repeated or known ids, and one that goes beyond what may wait for the broker.
    fn check_room(&self, batch: &[NewOperation], pending_max: u64) -> Result<()> {
        let mut keys = BTreeSet::new();
        let mut scopes = BTreeSet::new();
        for new in batch.iter().filter(|new| self.operations.is_new(new.idempotency)) {
            if new.idempotency.is_some_and(|idempotency| !scopes.insert(idempotency.scope)) {
                continue;
            }
            if self.operations.rows.contains_key(&new.id.key()) || !keys.insert(new.id.key()) {
                let message = format!("cannot accept operation {}: its key is taken", new.id);
                return Err(StoreError::new(StoreErrorKind::Unexpected, message));
            }
        }
        if self.outbox.len() + keys.len() as u64 > pending_max && !keys.is_empty() {
            return Err(StoreError::pending_full(pending_max));
        }
        Ok(())
    }

    fn accept(&mut self, new: NewOperation) -> Accepted {
        let known =
            new.idempotency.and_then(|given| Some((given, self.operations.by_scope.get(&given.scope)?)));
        if let Some((given, (fingerprint, key))) = known {
            return match self.operations.rows.get(key) {
                Some(row) if given.fingerprint == *fingerprint => Accepted::Existing(row.operation.clone()),
                _ => Accepted::KeyReused,
            };
        }
        let operation = Operation::accepted(&new);
        let outbox_seq = Some(self.outbox.add(new.id.key(), new.request));
        let scope = new.idempotency.map(|idempotency| idempotency.scope);
        let row = Row {
            operation: operation.clone(),
            retention_ms: new.retention_ms,
            scope,
            outbox_seq,
            answer: None,
        };
        self.operations.add(row, new.idempotency);
        Accepted::New(operation)
    }

    fn apply(&mut self, id: OperationId, event: &Event, now: Timestamp) -> Applied {
        let Some(row) = self.operations.find_mut(id) else { return Applied::Unknown };
        match operation::apply(&row.operation.state, event, now) {
            Err(refusal) => Applied::Unchanged(row.operation.clone(), refusal),
            Ok(transition) => {
                let forgotten = row.change(transition, event);
                let operation = row.operation.clone();
                self.operations.note_end(&operation);
                if let Some(seq) = forgotten {
                    self.outbox.forget(seq);
                }
                Applied::Changed(operation)
            }
        }
    }
}

impl Row {
    /// Takes on the new state; the outbox entry that is not needed any more is returned.
    fn change(&mut self, transition: Transition, event: &Event) -> Option<u64> {
        self.operation.advance(transition.state, event, self.retention_ms);
        if transition.record_answer {
            self.answer = event.answer().cloned();
        }
        if transition.forget_request { self.outbox_seq.take() } else { None }
    }
}

impl Table {
    fn is_new(&self, idempotency: Option<Idempotency>) -> bool {
        idempotency.is_none_or(|given| !self.by_scope.contains_key(&given.scope))
    }

    fn find(&self, id: OperationId) -> Option<&Row> {
        self.rows.get(&id.key()).filter(|row| row.operation.id == id)
    }

    fn find_mut(&mut self, id: OperationId) -> Option<&mut Row> {
        self.rows.get_mut(&id.key()).filter(|row| row.operation.id == id)
    }

    pub(super) fn by_key(&self, key: u64) -> Option<&Operation> {
        self.rows.get(&key).map(|row| &row.operation)
    }

    pub(super) const fn last_key(&self) -> u64 {
        self.last_key
    }

    fn add(&mut self, row: Row, idempotency: Option<Idempotency>) {
        let key = row.operation.id.key();
        self.last_key = self.last_key.max(key);
        self.open.insert((row.operation.state.deadline, key));
        if let Some(Idempotency { scope, fingerprint }) = idempotency {
            self.by_scope.insert(scope, (fingerprint, key));
        }
        self.rows.insert(key, row);
    }

    fn note_end(&mut self, operation: &Operation) {
        if let Some(expires_at) = operation.expires_at {
            self.open.remove(&(operation.state.deadline, operation.id.key()));
            self.expiring.insert((expires_at, operation.id.key()));
        }
    }

    fn list(&self, filter: &Filter) -> Page<Operation> {
        let lowest = filter.since.map_or(0, OperationId::lowest_key_at);
        let below = filter.cursor.unwrap_or(u64::MAX).max(lowest);
        let mut scan = PageScan::new(filter.limit);
        for (key, row) in self.rows.range(lowest..below).rev().filter(|(_, row)| filter.names(&row.operation))
        {
            if scan.ends_here() {
                break;
            }
            scan.take(*key, filter.wants(&row.operation).then(|| row.operation.clone()));
        }
        scan.into_page()
    }

    pub(super) fn overdue(&self, now: Timestamp, limit: usize) -> Vec<OperationId> {
        let due = self.open.iter().take_while(|(deadline, _)| *deadline <= now).take(limit);
        due.filter_map(|(_, key)| self.by_key(*key)).map(|operation| operation.id).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.open.first().map(|(deadline, _)| *deadline)
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> usize {
        let mut swept = 0;
        while swept < limit && self.expiring.first().is_some_and(|(expires_at, _)| *expires_at <= now) {
            if let Some((_, key)) = self.expiring.pop_first()
                && let Some(scope) = self.rows.remove(&key).and_then(|row| row.scope)
            {
                self.by_scope.remove(&scope);
            }
            swept += 1;
        }
        swept
    }
}
