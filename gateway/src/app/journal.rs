//! The embedded broker's journal, kept in the gateway's store.

use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::{BoxFuture, BrokerError, Effect, ErrorKind, Message};
use sidegate_core::Timestamp;
use sidegate_embedded::{Append, Journal, Journaled};
use sidegate_store::{NewQueued, Queued, Store, StoreError, StoreErrorKind};

/// Bridges two crates that do not know each other.
pub(super) struct StoreJournal(pub(super) Arc<dyn Store>);

impl Journal for StoreJournal {
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<u64>, BrokerError>> {
        let batch = batch.into_iter().map(|append| to_row(append.queue, append.message)).collect();
        Box::pin(async move { self.0.enqueue(batch).await.map_err(translate) })
    }

    fn remove(&self, positions: Vec<u64>) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async move { self.0.dequeue(positions).await.map_err(translate) })
    }

    fn postpone(
        &self,
        position: u64,
        attempt: u32,
        ready_at_ms: u64,
    ) -> BoxFuture<'_, Result<(), BrokerError>> {
        let ready_at = Timestamp::from_unix_ms(ready_at_ms);
        Box::pin(async move { self.0.postpone(position, attempt, ready_at).await.map_err(translate) })
    }

    fn load<'a>(
        &'a self,
        queue: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Journaled>, BrokerError>> {
        Box::pin(async move {
            let rows = self.0.queued(queue, after, limit).await.map_err(translate)?;
            Ok(rows.into_iter().map(from_row).collect())
        })
    }

    fn lengths(&self) -> BoxFuture<'_, Result<Vec<(CompactString, u64)>, BrokerError>> {
        Box::pin(async move { self.0.queue_lengths().await.map_err(translate) })
    }

    fn bind<'a>(&'a self, destination: &'a str, queue: &'a str) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(async move { self.0.bind(destination, queue).await.map_err(translate) })
    }

    fn bindings(&self) -> BoxFuture<'_, Result<Vec<(CompactString, CompactString)>, BrokerError>> {
        Box::pin(async move { self.0.bindings().await.map_err(translate) })
    }
}

/// The message is shared with nobody else most of the time; then its parts move instead of being copied.
fn to_row(queue: CompactString, message: Arc<Message>) -> NewQueued {
    let message = Arc::unwrap_or_clone(message);
    NewQueued {
        queue,
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
    let kind = match error.kind {
        StoreErrorKind::DiskFull | StoreErrorKind::Overloaded | StoreErrorKind::PendingFull => {
            ErrorKind::Full
        }
        StoreErrorKind::Closed | StoreErrorKind::Fenced => ErrorKind::Closed,
        _ => ErrorKind::Unexpected,
    };
    BrokerError::new(kind, Effect::NotApplied, format!("the store behind the embedded broker: {error}"))
        .with_source(error)
}
