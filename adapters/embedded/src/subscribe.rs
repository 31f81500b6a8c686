//! Receiving: an inbox takes the next ready message of its queue when it is asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sidegate_broker::{BoxFuture, Delivery, Inbox};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connect::Shared;
use crate::queue::{Found, Queue};
use crate::settle::Claim;
use crate::window::Taken;

/// One subscription's place at its queue. Its deliveries hold it too.
pub(crate) struct Seat {
    id: u64,
    prefetch: usize,
    unsettled: AtomicUsize,
    is_closed: AtomicBool,
    /// Room for one more, or closed.
    news: Notify,
}

pub(crate) struct EmbeddedInbox {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    seat: Arc<Seat>,
}

/// The queue knows that an inbox waits, until this is dropped.
struct Waits<'a>(&'a Queue);

enum Step {
    Delivered(Delivery),
    Closed,
    NoRoom,
    Nothing { next_due: Option<Instant> },
}

impl Seat {
    pub(crate) fn new(id: u64, prefetch: usize) -> Self {
        Self {
            id,
            prefetch: prefetch.max(1),
            unsettled: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            news: Notify::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.news.notify_one();
    }

    /// A delivery was settled or dropped.
    pub(crate) fn settled_one(&self) {
        if self.unsettled.fetch_sub(1, Ordering::AcqRel) == self.prefetch {
            self.news.notify_one();
        }
    }

    fn has_room(&self) -> bool {
        self.unsettled.load(Ordering::Acquire) < self.prefetch
    }
}

impl EmbeddedInbox {
    pub(crate) fn new(shared: Arc<Shared>, queue: Arc<Queue>, seat: Arc<Seat>) -> Self {
        queue.joined(seat.prefetch);
        Self { shared, queue, seat }
    }

    fn step(&self) -> Step {
        if self.seat.is_closed() {
            return Step::Closed;
        }
        if !self.seat.has_room() {
            return Step::NoRoom;
        }
        match self.queue.take(self.seat.id) {
            Found::Nothing { next_due } => Step::Nothing { next_due },
            Found::Message(taken) => {
                let delivery = self.deliver(taken);
                // Closed between the look above and now: dropping the delivery gives the message to somebody else.
                if self.seat.is_closed() { Step::Closed } else { Step::Delivered(delivery) }
            }
        }
    }

    fn deliver(&self, taken: Taken) -> Delivery {
        self.seat.unsettled.fetch_add(1, Ordering::AcqRel);
        let (message, attempt) = (Arc::clone(&taken.message), taken.attempt);
        let claim = Claim::new(&self.shared, &self.queue, &self.seat, taken);
        Delivery::new(message, attempt, Box::new(claim))
    }

    async fn receive(&mut self) -> Option<Delivery> {
        loop {
            let news = self.queue.news();
            match self.step() {
                Step::Delivered(delivery) => return Some(delivery),
                Step::Closed => {
                    self.queue.pass_on();
                    return None;
                }
                Step::NoRoom => self.seat.news.notified().await,
                Step::Nothing { next_due } => {
                    let _waits = Waits::on(&self.queue);
                    tokio::select! {
                        () = news => {}
                        () = self.seat.news.notified() => {}
                        () = sleep_until(next_due) => {}
                    }
                }
            }
        }
    }
}

/// For ever without a time.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl<'a> Waits<'a> {
    fn on(queue: &'a Queue) -> Self {
        queue.waits(true);
        Self(queue)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waits(false);
    }
}

impl Inbox for EmbeddedInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

impl Drop for EmbeddedInbox {
    fn drop(&mut self) {
        self.queue.left(self.seat.prefetch);
    }
}
