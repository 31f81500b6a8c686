//! The embedded broker itself, shared by the gateways of one process, and the connection that each of them has.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Health, Inbox, Outbound, Receipt, Subscription,
};
use tokio::sync::RwLock;

use crate::error;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::queue::Queue;
use crate::subscribe::{EmbeddedInbox, Seat};
use crate::topology::Topology;
use crate::writer::Writer;

/// Wall-clock time in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The broker. Clones are the same broker; it ends with the last of its clones and connections.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

/// One gateway's connection: closing it leaves the other gateways of the process alone.
pub struct Connection {
    pub(crate) shared: Arc<Shared>,
    is_closed: AtomicBool,
    /// Read while a durable message is on its way; closing writes.
    pub(crate) publishing: RwLock<()>,
    seats: Mutex<Vec<(Weak<Seat>, Arc<Queue>)>>,
}

pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) topology: Topology,
    pub(crate) writer: Option<Arc<Writer>>,
    seat_next: AtomicU64,
}

/// What an embedded broker with these limits can do; `has_journal` says whether it outlives its process.
#[must_use]
pub const fn capabilities(limits: &Limits, has_journal: bool) -> Capabilities {
    Capabilities {
        durable: has_journal,
        serializes_keys: true,
        counts_attempts: true,
        delays_retry: true,
        between_processes: false,
        message_bytes_max: limits.message_bytes_max,
    }
}

impl Embedded {
    /// Opens the broker on what the journal holds; without a journal it begins empty and nothing survives it.
    ///
    /// One journal serves one broker at a time: a second one would hand out every message again.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn open(
        journal: Option<Arc<dyn Journal>>,
        limits: Limits,
        clock: Clock,
    ) -> Result<Self, BrokerError> {
        let topology = Topology::load(limits, Arc::clone(&clock), journal.clone()).await?;
        let wait_max = Duration::from_millis(limits.settle_before_append_ms as u64);
        let writer = journal.clone().map(|journal| Arc::new(Writer::new(journal, wait_max)));
        let shared = Shared { limits, clock, journal, topology, writer, seat_next: AtomicU64::new(0) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A connection for one gateway.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection {
            shared: Arc::clone(&self.shared),
            is_closed: AtomicBool::new(false),
            publishing: RwLock::new(()),
            seats: Mutex::default(),
        }
    }
}

impl Shared {
    pub(crate) fn next_seat(&self) -> u64 {
        self.seat_next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Connection {
    pub(crate) fn check_open(&self) -> Result<(), BrokerError> {
        if self.is_closed.load(Ordering::Acquire) { Err(error::closed()) } else { Ok(()) }
    }

    async fn join(&self, subscription: Subscription) -> Result<Box<dyn Inbox>, BrokerError> {
        self.check_open()?;
        let topology = &self.shared.topology;
        let queue = match subscription.channel {
            Channel::Command | Channel::Reply => topology.queue(&subscription.destination)?,
            Channel::Event => topology.bind(&subscription.destination, &subscription.service).await?,
        };
        let seat = Arc::new(Seat::new(self.shared.next_seat(), subscription.prefetch));
        self.remember(&seat, &queue)?;
        Ok(Box::new(EmbeddedInbox::new(Arc::clone(&self.shared), queue, seat)))
    }

    /// So that [`Broker::close`] finds the inbox; under one lock with the look at `is_closed`, so that it never
    /// misses one.
    fn remember(&self, seat: &Arc<Seat>, queue: &Arc<Queue>) -> Result<(), BrokerError> {
        let mut seats = self.seats.lock();
        self.check_open()?;
        seats.retain(|(seat, _)| seat.strong_count() > 0);
        seats.push((Arc::downgrade(seat), Arc::clone(queue)));
        Ok(())
    }

    async fn let_go(&self, grace: Duration) {
        let seats = {
            let mut seats = self.seats.lock();
            self.is_closed.store(true, Ordering::Release);
            std::mem::take(&mut *seats)
        };
        let seats: Vec<_> =
            seats.into_iter().filter_map(|(seat, queue)| Some((seat.upgrade()?, queue))).collect();
        seats.iter().for_each(|(seat, _)| seat.close());
        // What is still on its way after the grace is appended all the same; only its publisher is not waited for.
        let _ = tokio::time::timeout(grace, self.publishing.write()).await;
        seats.iter().for_each(|(seat, queue)| queue.release_seat(seat.id()));
    }
}

impl Broker for Connection {
    fn capabilities(&self) -> Capabilities {
        capabilities(&self.shared.limits, self.shared.journal.is_some())
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(self.send(outbound))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(self.join(subscription))
    }

    /// Nothing has to exist: a queue is made by its first message, and an event's queues by those who subscribe.
    fn prepare<'a>(&'a self, _: Channel, _: &'a str) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(std::future::ready(self.check_open()))
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        let problem = self.check_open().err().map(|error| error.to_string());
        let waiting = self.shared.topology.waiting();
        Box::pin(std::future::ready(Health { problem, warnings: Vec::new(), waiting }))
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.let_go(grace))
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("embedded::Connection").field("is_closed", &self.is_closed).finish_non_exhaustive()
    }
}
