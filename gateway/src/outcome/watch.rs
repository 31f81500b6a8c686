//! Who waits for which operation. Costs one look into a map where nobody does.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sidegate_core::{Answer, OperationId};
use sidegate_store::Operation;
use tokio::sync::watch;

/// News of an operation.
#[derive(Debug)]
pub struct Change {
    /// The operation as it is now.
    pub operation: Operation,
    /// The answer that ended it, if this change did and it brought one.
    pub answer: Option<Answer>,
}

type News = Option<Arc<Change>>;

const SHARDS: usize = 32;

/// Sharded, so that two workers rarely meet at one lock; a lock is never held across an await.
#[derive(Default)]
pub(super) struct Watchers {
    shards: [Mutex<HashMap<OperationId, watch::Sender<News>>>; SHARDS],
}

/// One who waits; gone when dropped.
pub struct Watch<'a> {
    watchers: &'a Watchers,
    id: OperationId,
    news: Option<watch::Receiver<News>>,
}

impl Watchers {
    fn shard(&self, id: OperationId) -> &Mutex<HashMap<OperationId, watch::Sender<News>>> {
        &self.shards[usize::from(id.token()[0]) % SHARDS]
    }

    pub(super) fn watch(&self, id: OperationId) -> Watch<'_> {
        let mut shard = self.shard(id).lock();
        let news = shard.entry(id).or_insert_with(|| watch::channel(None).0).subscribe();
        Watch { watchers: self, id, news: Some(news) }
    }

    pub(super) fn is_watched(&self, id: OperationId) -> bool {
        self.shard(id).lock().contains_key(&id)
    }

    pub(super) fn wake(&self, operation: &Operation, answer: Option<Answer>) {
        if let Some(sender) = self.shard(operation.id).lock().get(&operation.id) {
            let _ = sender.send_replace(Some(Arc::new(Change { operation: operation.clone(), answer })));
        }
    }
}

impl Watch<'_> {
    /// The next news not yet seen; several changes in a row may show as the last of them.
    pub async fn changed(&mut self) -> Arc<Change> {
        loop {
            let Some(news) = self.news.as_mut() else { return std::future::pending().await };
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
            if let Some(change) = news.borrow_and_update().clone() {
                return change;
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut shard = self.watchers.shard(self.id).lock();
        self.news = None;
        if shard.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            shard.remove(&self.id);
        }
    }
}
