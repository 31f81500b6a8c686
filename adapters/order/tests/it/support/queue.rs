//! A broker's queue that receives and settles, and nothing else: it knows no order of keys and keeps no pause.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BoxFuture, BrokerError, Delivery, Effect, ErrorKind, Inbox, Message, Settle};
use tokio::sync::Notify;

/// What competing consumers share.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    unsettled: BTreeMap<u64, (u64, Item)>,
    ended: Vec<u64>,
    next: u64,
    told: Vec<Told>,
    refusals: VecDeque<ErrorKind>,
    keeps_losses_to_itself: bool,
    hangs: bool,
}

#[derive(Clone)]
struct Item {
    place: u64,
    message: Arc<Message>,
    delivered: u32,
}

/// What the queue was told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Acked(CompactString),
    Rejected(CompactString),
    GivenBack(CompactString, Duration),
    Abandoned(CompactString),
}

pub(crate) struct RawInbox {
    queue: Arc<Queue>,
    id: u64,
    prefetch: usize,
}

struct RawSettle {
    queue: Arc<Queue>,
    tag: u64,
}

impl Queue {
    pub(crate) fn push(&self, message: &Arc<Message>) {
        let mut state = self.state.lock();
        let place = state.number();
        state.waiting.push_back(Item { place, message: Arc::clone(message), delivered: 0 });
        drop(state);
        self.news.notify_waiters();
    }

    pub(crate) fn subscribe(self: &Arc<Self>, prefetch: usize) -> RawInbox {
        RawInbox { queue: Arc::clone(self), id: self.state.lock().number(), prefetch }
    }

    /// The connection is lost and made again: all that is unsettled is delivered once more.
    pub(crate) fn cut(&self) {
        self.state.lock().take_back(|_| true);
        self.news.notify_waiters();
    }

    /// As [`Queue::cut`], and a lost delivery shows only when it is settled.
    pub(crate) fn cut_unnoticed(&self) {
        self.state.lock().keeps_losses_to_itself = true;
        self.cut();
    }

    /// Inbox `id` ends, and others get what it has.
    pub(crate) fn end(&self, id: u64) {
        let mut state = self.state.lock();
        state.ended.push(id);
        state.take_back(|holder| holder == id);
        drop(state);
        self.news.notify_waiters();
    }

    /// The next settling fails like this.
    pub(crate) fn refuse(&self, kind: ErrorKind) {
        self.state.lock().refusals.push_back(kind);
    }

    /// Acknowledgements get no answer from now on.
    pub(crate) fn hang(&self) {
        self.state.lock().hangs = true;
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.state.lock().told.clone()
    }

    pub(crate) fn unsettled(&self) -> usize {
        self.state.lock().unsettled.len()
    }

    fn deliver(self: &Arc<Self>, id: u64, prefetch: usize) -> Option<Delivery> {
        let mut state = self.state.lock();
        let held = state.unsettled.values().filter(|(holder, _)| *holder == id).count();
        if held >= prefetch {
            return None;
        }
        let mut item = state.waiting.pop_front()?;
        item.delivered += 1;
        let (message, attempt, tag) = (Arc::clone(&item.message), item.delivered, state.number());
        state.unsettled.insert(tag, (id, item));
        Some(Delivery::new(message, attempt, Box::new(RawSettle { queue: Arc::clone(self), tag })))
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn take_back(&mut self, is_lost: impl Fn(u64) -> bool) {
        for (tag, (holder, item)) in std::mem::take(&mut self.unsettled) {
            if is_lost(holder) {
                self.requeue(item);
            } else {
                self.unsettled.insert(tag, (holder, item));
            }
        }
    }

    fn requeue(&mut self, item: Item) {
        let at = self.waiting.partition_point(|other| other.place < item.place);
        self.waiting.insert(at, item);
    }
}

impl RawInbox {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    async fn receive(&mut self) -> Option<Delivery> {
        loop {
            let news = self.queue.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if self.queue.state.lock().ended.contains(&self.id) {
                return None;
            }
            if let Some(delivery) = self.queue.deliver(self.id, self.prefetch) {
                return Some(delivery);
            }
            news.await;
        }
    }
}

impl Inbox for RawInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

impl RawSettle {
    async fn settle(
        &self,
        told: impl FnOnce(CompactString) -> Told,
        comes_again: bool,
    ) -> Result<(), BrokerError> {
        if self.queue.state.lock().hangs {
            std::future::pending::<()>().await;
        }
        self.end(told, comes_again)
    }

    fn end(&self, told: impl FnOnce(CompactString) -> Told, comes_again: bool) -> Result<(), BrokerError> {
        let mut state = self.queue.state.lock();
        if let Some(kind) = state.refusals.pop_front() {
            return Err(BrokerError::new(kind, Effect::NotApplied, "not now"));
        }
        let Some((_, item)) = state.unsettled.remove(&self.tag) else {
            return Err(BrokerError::new(ErrorKind::Closed, Effect::NotApplied, "it is somebody else's"));
        };
        state.told.push(told(item.message.id.clone()));
        if comes_again {
            state.requeue(item);
        }
        drop(state);
        self.queue.news.notify_waiters();
        Ok(())
    }
}

impl Settle for RawSettle {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.settle(Told::Acked, false))
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.settle(move |id| Told::GivenBack(id, after), true))
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.settle(Told::Rejected, false))
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_lost(&self) -> bool {
        let state = self.queue.state.lock();
        !state.keeps_losses_to_itself && !state.unsettled.contains_key(&self.tag)
    }

    fn abandon(&mut self) {
        let is_there = self.queue.state.lock().unsettled.contains_key(&self.tag);
        if is_there {
            let abandoned = self.end(Told::Abandoned, true);
            assert!(abandoned.is_ok(), "what is there can be given back: {abandoned:?}");
        }
    }
}
