//! The channel of one consumer, for as long as anybody holds a delivery of it: AMQP settles a message on the channel
//! that brought it and on no other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lapin::options::{BasicQosOptions, BasicRejectOptions};
use lapin::{Acker, Channel};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::link::Session;

/// Requeued, and counted by the broker as an attempt (which `basic.nack` is not from RabbitMQ 4.3 on).
const COUNTED: BasicRejectOptions = BasicRejectOptions { requeue: true };

/// A consumer's channel.
pub(crate) struct Station {
    channel: Channel,
    prefetch: u16,
    /// Deliveries that nobody settled yet, by tag.
    held: Mutex<HashMap<u64, Held>>,
    written: AtomicU64,
    processed: tokio::sync::Mutex<u64>,
    runtime: Handle,
}

struct Held {
    since: Instant,
    acker: Acker,
}

impl Station {
    /// A delivery held for `hold_max` is given back, before the broker ends the whole channel over it.
    pub(crate) fn new(channel: Channel, prefetch: u16, hold_max: Duration) -> Arc<Self> {
        let station = Arc::new(Self {
            channel,
            prefetch,
            held: Mutex::default(),
            written: AtomicU64::new(0),
            processed: tokio::sync::Mutex::new(0),
            runtime: Handle::current(),
        });
        tokio::spawn(watch(Arc::downgrade(&station), hold_max));
        station
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(crate) fn hold(&self, tag: u64, acker: Acker) {
        self.held.lock().insert(tag, Held { since: Instant::now(), acker });
    }

    pub(crate) fn release(&self, tag: u64) {
        self.held.lock().remove(&tag);
    }

    /// Returns when the broker has processed what was settled before. An acknowledgement has no answer in AMQP; a
    /// question behind it on the same channel has, and one question answers for all who wait.
    pub(crate) async fn processed(&self) -> lapin::Result<()> {
        let mine = self.written.fetch_add(1, Ordering::AcqRel) + 1;
        let mut processed = self.processed.lock().await;
        if *processed >= mine {
            return Ok(());
        }
        let all = self.written.load(Ordering::Acquire);
        self.channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        *processed = all;
        Ok(())
    }

    /// Back to the queue; nobody waits for it.
    pub(crate) fn give_back(&self, tag: u64, acker: Acker) {
        self.release(tag);
        self.runtime.spawn(async move {
            // Where this fails the channel has ended, and the message went back by that.
            let _ = acker.reject(COUNTED).await;
        });
    }

    fn return_overdue(&self, hold_max: Duration) {
        for (tag, acker) in self.overdue(hold_max) {
            tracing::warn!(
                held_ms = hold_max.as_millis(),
                "a delivery was held too long, and goes back to the broker"
            );
            self.give_back(tag, acker);
        }
    }

    fn overdue(&self, hold_max: Duration) -> Vec<(u64, Acker)> {
        let held = self.held.lock();
        let overdue = held.iter().filter(|(_, held)| held.since.elapsed() >= hold_max);
        overdue.map(|(tag, held)| (*tag, held.acker.clone())).collect()
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        Session::hang_up(self.channel.clone());
    }
}

async fn watch(station: Weak<Station>, hold_max: Duration) {
    const LOOK_EVERY_MAX: Duration = Duration::from_secs(15);
    let look_every = (hold_max / 10).min(LOOK_EVERY_MAX);
    loop {
        tokio::time::sleep(look_every).await;
        let Some(station) = station.upgrade() else { return };
        station.return_overdue(hold_max);
    }
}
