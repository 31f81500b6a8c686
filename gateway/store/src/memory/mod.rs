//! The store that forgets: plain structures behind one lock, for tests, demos and gateways that may lose everything.
//!
//! Same laws as the durable stores, except that nothing survives. Never blocks on anything but its own lock, which
//! is never held across an await.

mod inbox;
mod operations;
mod outbox;
mod parked;
mod queues;
mod upkeep;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{BoxFuture, Options, Result, StoreError, StoreErrorKind};

/// A store whose content ends with the process.
#[derive(Debug)]
pub struct MemoryStore {
    options: Options,
    state: Arc<Mutex<State>>,
    secret: [u8; 32],
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    operations: operations::Table,
    outbox: outbox::Table,
    inbox: inbox::Table,
    parked: parked::Table,
    queues: queues::Table,
}

impl MemoryStore {
    /// An empty store.
    ///
    /// # Errors
    /// The system gives no random bytes for its secret.
    pub fn new(options: Options) -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| {
            StoreError::new(
                StoreErrorKind::CannotOpen,
                "cannot open the store: the system gives no random bytes",
            )
            .with_source(error)
        })?;
        Ok(Self { options, state: Arc::default(), secret })
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce(&State) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        ready(move || Ok(read(&self.state.lock())))
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        write: impl FnOnce(&mut State) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        ready(move || {
            let mut state = self.state.lock();
            if state.closed {
                return Err(StoreError::new(StoreErrorKind::Closed, "cannot write: the store was closed"));
            }
            write(&mut state)
        })
    }
}

/// A future that does its work when it is polled, like those of a store that must wait.
fn ready<'a, T: 'a>(work: impl FnOnce() -> T + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(async move { work() })
}
