//! As many messages at once as `concurrency` says, by workers that take turns at the inbox.
//!
//! The one whose turn it is waits for the next message, lets another have the turn, and sees its message through. A
//! worker stays for the messages after it: none of them costs a task of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sidegate_broker::{Delivery, Inbox};
use tokio::sync::{Mutex, watch};
use tokio_util::task::TaskTracker;

use super::consumer::{Consumer, handle_now};
use crate::app::Shared;

pub(super) struct Crew {
    shared: Arc<Shared>,
    consumer: Arc<Consumer>,
    turn: Mutex<Box<dyn Inbox>>,
    /// How many wait for the turn.
    waiting: AtomicUsize,
    workers: TaskTracker,
    stop: watch::Receiver<bool>,
}

impl Crew {
    pub(super) fn new(
        shared: Arc<Shared>,
        consumer: Arc<Consumer>,
        inbox: Box<dyn Inbox>,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let (turn, waiting, workers) = (Mutex::new(inbox), AtomicUsize::new(0), TaskTracker::new());
        Arc::new(Self { shared, consumer, turn, waiting, workers, stop })
    }

    /// Works until the inbox ends or it is told to stop; returns when nothing is under way any more.
    pub(super) async fn work(self: &Arc<Self>) {
        self.hire();
        self.workers.close();
        self.workers.wait().await;
    }

    /// Only whoever has the turn hires, and so never one too many.
    fn hire(self: &Arc<Self>) {
        if self.workers.len() < self.consumer.settings.concurrency {
            let crew = Arc::clone(self);
            self.workers.spawn(async move { crew.see_through_all().await });
        }
    }

    async fn see_through_all(self: Arc<Self>) {
        let mut stop = self.stop.clone();
        while let Some(delivery) = self.take(&mut stop).await {
            handle_now(&self.shared, &self.consumer, delivery).await;
        }
    }

    /// `None`: there is nothing more to do.
    async fn take(self: &Arc<Self>, stop: &mut watch::Receiver<bool>) -> Option<Delivery> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut inbox = self.turn.lock().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let delivery = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            delivery = next(&self.consumer, &mut **inbox) => delivery,
        };
        if delivery.is_some() && self.waiting.load(Ordering::Relaxed) == 0 {
            self.hire();
        }
        delivery
    }
}

/// The next message that may be taken.
async fn next(consumer: &Consumer, inbox: &mut dyn Inbox) -> Option<Delivery> {
    consumer.metrics.gate(consumer.gate.is_open());
    consumer.gate.opened().await;
    consumer.metrics.gate(true);
    let delivery = inbox.next().await?;
    // It may have closed while this message was waited for.
    consumer.gate.opened().await;
    Some(delivery)
}
