//! A journal in a real store on a real file, opened again at each restart.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BoxFuture, BrokerError, Effect, ErrorKind, Message};
use sidegate_core::Timestamp;
use sidegate_embedded::{Append, Journal, Journaled};
use sidegate_store::sqlite::SqliteStore;
use sidegate_store::{NewQueued, Options, Queued, Queues, StoreError};
use tempfile::TempDir;

use super::harness::Keep;

/// A folder with a store, and the journal that the running broker has.
#[derive(Default)]
pub(crate) struct InSqlite {
    folder: Option<TempDir>,
    running: Option<Arc<StoreJournal>>,
}

/// The store is taken away at a restart: whoever of the old broker is left must not write to it any more.
pub(crate) struct StoreJournal(Mutex<Option<Arc<SqliteStore>>>);

impl Keep for InSqlite {
    fn renew(&mut self) {
        self.folder = Some(tempfile::tempdir().expect("a folder for the store"));
    }

    fn journal(&mut self) -> BoxFuture<'_, Option<Arc<dyn Journal>>> {
        Box::pin(async {
            if let Some(journal) = self.running.take() {
                journal.cut_off().await;
            }
            let file = self.folder.as_ref().expect("renew comes first").path().join("store.db");
            let options = Options::new(1_000, |why| panic!("the store failed: {why}"));
            let store = SqliteStore::open(file, options).expect("a store in an own folder");
            let journal = Arc::new(StoreJournal(Mutex::new(Some(Arc::new(store)))));
            self.running = Some(Arc::clone(&journal));
            Some(journal as Arc<dyn Journal>)
        })
    }
}

impl StoreJournal {
    /// Returns when the store is closed and its file is free.
    async fn cut_off(&self) {
        let mut store = self.0.lock().take();
        while let Some(shared) = store.take() {
            store = Arc::try_unwrap(shared).map(drop).err();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn store(&self) -> Result<Arc<SqliteStore>, BrokerError> {
        let gone = || BrokerError::new(ErrorKind::Closed, Effect::NotApplied, "the store was closed");
        self.0.lock().clone().ok_or_else(gone)
    }
}

impl Journal for StoreJournal {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<u64>, BrokerError>> {
        let rows = batch.into_iter().map(to_row).collect();
        Box::pin(async move { self.store()?.enqueue(rows).await.map_err(translate) })
    }

    fn remove(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async move { self.store()?.dequeue(positions).await.map_err(translate) })
    }

    fn postpone(
        &self,
        position: u64,
        attempt: u32,
        ready_at_ms: u64,
    ) -> BoxFuture<'_, Result<(), BrokerError>> {
        let ready_at = Timestamp::from_unix_ms(ready_at_ms);
        Box::pin(async move { self.store()?.postpone(position, attempt, ready_at).await.map_err(translate) })
    }

    fn load<'a>(
        &'a self,
        queue: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Journaled>, BrokerError>> {
        Box::pin(async move {
            let rows = self.store()?.queued(queue, after, limit).await.map_err(translate)?;
            Ok(rows.into_iter().map(from_row).collect())
        })
    }

    fn lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>, BrokerError>> {
        Box::pin(async move { self.store()?.queue_lengths().await.map_err(translate) })
    }

    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(async move { self.store()?.bind(destination, queue).await.map_err(translate) })
    }

    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>, BrokerError>> {
        Box::pin(async move { self.store()?.bindings().await.map_err(translate) })
    }
}

fn to_row(append: Append) -> NewQueued {
    let message = Arc::unwrap_or_clone(append.message);
    NewQueued {
        queue: append.queue,
        message_id: message.id,
        destination: message.destination,
        key: message.key,
        correlation_id: message.correlation_id,
        reply_to: message.reply_to,
        content_type: message.content_type,
        headers: message.headers,
        body: message.body,
    }
}

fn from_row(row: Queued) -> Journaled {
    let message = Message {
        id: row.message.message_id,
        destination: row.message.destination,
        key: row.message.key,
        correlation_id: row.message.correlation_id,
        reply_to: row.message.reply_to,
        content_type: row.message.content_type,
        headers: row.message.headers,
        body: row.message.body,
    };
    Journaled {
        position: row.position,
        attempt: row.attempt,
        ready_at_ms: row.ready_at.unix_ms(),
        message: Arc::new(message),
    }
}

fn translate(error: StoreError) -> BrokerError {
    BrokerError::new(ErrorKind::Unexpected, Effect::NotApplied, error.to_string()).with_source(error)
}
