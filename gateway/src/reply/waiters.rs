//! Callers who wait for an answer without a record.

use std::collections::HashMap;

use parking_lot::Mutex;
use sidegate_core::{Answer, OperationId};
use tokio::sync::oneshot;

const SHARDS: usize = 32;

type Shard = Mutex<HashMap<OperationId, oneshot::Sender<Answer>>>;

/// By message id; bounded by the number of callers that may be held.
#[derive(Default)]
pub struct Waiters {
    shards: [Shard; SHARDS],
}

/// One who waits; forgotten when dropped.
pub struct Waiter<'a> {
    waiters: &'a Waiters,
    id: OperationId,
    answer: oneshot::Receiver<Answer>,
}

impl Waiters {
    fn shard(&self, id: OperationId) -> &Shard {
        &self.shards[usize::from(id.token()[0]) % SHARDS]
    }

    /// Begins to wait; to be called before the message is sent.
    pub fn wait(&self, id: OperationId) -> Waiter<'_> {
        let (sender, answer) = oneshot::channel();
        self.shard(id).lock().insert(id, sender);
        Waiter { waiters: self, id, answer }
    }

    /// Hands an answer to who waits for it; gives it back when nobody does.
    ///
    /// # Errors
    /// Nobody waits (any more).
    pub fn answer(&self, id: OperationId, answer: Answer) -> Result<(), Answer> {
        let Some(sender) = self.shard(id).lock().remove(&id) else { return Err(answer) };
        sender.send(answer)
    }
}

impl Waiter<'_> {
    /// The answer, when it comes.
    pub async fn answer(mut self) -> Answer {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.waiters.shard(self.id).lock().remove(&self.id);
    }
}
