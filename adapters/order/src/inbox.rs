//! Receiving: from the raw side into the ledger, and out of it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use sidegate_broker::{BoxFuture, Delivery, Inbox};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Window;
use crate::ledger::{Ledger, Outlook, Returned, Taken};
use crate::settle::InHand;

/// See [`ordered`](crate::ordered).
pub(crate) struct OrderedInbox {
    raw: Box<dyn Inbox>,
    shared: Arc<Shared>,
    has_ended: bool,
}

/// What the inbox and its deliveries share.
pub(crate) struct Shared {
    ledger: Mutex<Ledger>,
    /// A message may go that could not, or there is room, or a pause began.
    news: Notify,
}

/// What waiting brought.
enum Came {
    Message(Delivery),
    End,
    News,
}

impl OrderedInbox {
    pub(crate) fn new(raw: Box<dyn Inbox>, window: Window) -> Self {
        let shared = Shared { ledger: Mutex::new(Ledger::new(window)), news: Notify::new() };
        Self { raw, shared: Arc::new(shared), has_ended: false }
    }

    async fn receive(&mut self) -> Option<Delivery> {
        while !self.has_ended {
            let outlook = self.shared.outlook();
            let came = if outlook.may_go { self.glance(outlook) } else { self.wait(outlook).await };
            let taken = match came {
                Came::Message(raw) => self.shared.take_after(raw),
                Came::News => self.shared.take(),
                Came::End => {
                    self.end();
                    None
                }
            };
            if let Some(taken) = taken {
                return Some(self.deliver(taken));
            }
        }
        None
    }

    /// Something can go out at once; a look at the raw side all the same, so that its end is not overlooked while
    /// there is always something that can.
    fn glance(&mut self, outlook: Outlook) -> Came {
        if !outlook.wants_more {
            return Came::News;
        }
        self.raw.next().now_or_never().map_or(Came::News, Came::from_raw)
    }

    async fn wait(&mut self, outlook: Outlook) -> Came {
        let Self { raw, shared, .. } = self;
        tokio::select! {
            biased;
            next = next_if(outlook.wants_more, &mut **raw) => Came::from_raw(next),
            () = shared.news.notified() => Came::News,
            () = sleep_until(outlook.due) => Came::News,
        }
    }

    fn deliver(&self, Taken { index, attempt, raw }: Taken) -> Delivery {
        let message = Arc::clone(&raw.message);
        Delivery::new(message, attempt, Box::new(InHand::new(&self.shared, index, raw)))
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.shared.with(Ledger::close);
    }
}

impl Came {
    fn from_raw(next: Option<Delivery>) -> Self {
        next.map_or(Self::End, Self::Message)
    }
}

/// For ever where no more is wanted.
async fn next_if(wanted: bool, raw: &mut dyn Inbox) -> Option<Delivery> {
    if wanted { raw.next().await } else { std::future::pending().await }
}

/// For ever without a time.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    /// One in hand was settled at the raw side, or left to it.
    pub(crate) fn finish(&self, index: usize) {
        if self.with(|ledger| ledger.finish(index)) {
            self.news.notify_one();
        }
    }

    /// One in hand comes back; `Err` when the inbox is gone.
    pub(crate) fn take_back(&self, index: usize, returned: Returned) -> Result<(), Delivery> {
        self.with(|ledger| ledger.take_back(index, returned))?;
        self.news.notify_one();
        Ok(())
    }

    fn outlook(&self) -> Outlook {
        self.with(|ledger| ledger.outlook(Instant::now))
    }

    fn take(&self) -> Option<Taken> {
        self.with(Ledger::take)
    }

    fn take_after(&self, raw: Delivery) -> Option<Taken> {
        self.with(|ledger| {
            ledger.arrive(raw);
            ledger.take()
        })
    }

    /// The raw side is told of what was given back when the lock is free again.
    fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.ledger.lock();
        let result = act(&mut ledger);
        let given_back = ledger.take_given_back();
        drop(ledger);
        drop(given_back);
        result
    }
}

impl Inbox for OrderedInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

impl Drop for OrderedInbox {
    fn drop(&mut self) {
        self.shared.with(Ledger::close);
    }
}
