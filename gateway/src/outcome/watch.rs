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

    /// Two who wrote one after the other may tell it the other way round: older news never stand in for newer ones.
    pub(super) fn wake(&self, operation: &Operation, answer: Option<Answer>) {
        if let Some(sender) = self.shard(operation.id).lock().get(&operation.id) {
            sender.send_if_modified(|news| {
                let is_newer = |seen: &Arc<Change>| operation.state.revision > seen.operation.state.revision;
                let is_news = news.as_ref().is_none_or(is_newer);
                if is_news {
                    *news = Some(Arc::new(Change { operation: operation.clone(), answer }));
                }
                is_news
            });
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use sidegate_core::operation::{State, Status};
    use sidegate_core::{Answer, IdSource, OperationId, Timestamp};
    use sidegate_store::Operation;

    use super::Watchers;

    fn operation(id: OperationId, status: Status, revision: u32) -> Operation {
        let now = Timestamp::from_unix_ms(1_700_000_000_000);
        Operation {
            id,
            route: "orders".into(),
            principal: None,
            correlation_id: None,
            created_at: now,
            state: State { status, revision, ..State::accepted(now, now + 1_000) },
            expires_at: None,
            outcome: None,
            redrive_of: None,
            timeline: Vec::new(),
        }
    }

    #[test]
    fn an_end_is_not_hidden_by_older_news_that_come_late() {
        let (watchers, now) = (Watchers::default(), Timestamp::from_unix_ms(1_700_000_000_000));
        let id = IdSource::default().next(now, [7; 16]);
        let mut watch = watchers.watch(id);
        watchers.wake(&operation(id, Status::Succeeded, 3), Some(Answer::empty(204)));
        watchers.wake(&operation(id, Status::Sent, 2), None);
        let change = watch.changed().now_or_never().expect("there are news");
        assert_eq!(change.operation.state.status, Status::Succeeded, "who waits for the end is told of it");
        assert!(change.answer.is_some(), "with its answer");
        assert!(watch.changed().now_or_never().is_none(), "what is older is no news");
    }
}
