//! A broker made of plain queues, in memory: what a protocol without order, pauses and a network would be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, format_compact};
use parking_lot::Mutex;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Effect, ErrorKind, Health, Inbox, Outbound,
    Receipt, Subscription,
};
use sidegate_conformance::{Harness, Missing, Patience};
use sidegate_order::{Window, ordered};

use super::queue::Queue;

const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// What survives a restart.
#[derive(Default)]
struct Server {
    queues: Mutex<BTreeMap<CompactString, Arc<Queue>>>,
    /// Event and the queues that get a copy.
    subscribed: Mutex<BTreeSet<(CompactString, CompactString)>>,
}

pub(crate) struct PlainBroker {
    server: Arc<Server>,
    keeps_order: bool,
    session: Mutex<Session>,
}

#[derive(Default)]
struct Session {
    is_closed: bool,
    inboxes: Vec<(Arc<Queue>, u64)>,
}

pub(crate) struct PlainHarness {
    server: Arc<Server>,
    keeps_order: bool,
    open: Vec<Arc<PlainBroker>>,
}

impl Server {
    fn queue(&self, name: &CompactString) -> Arc<Queue> {
        Arc::clone(self.queues.lock().entry(name.clone()).or_default())
    }

    fn queues_for(&self, channel: Channel, destination: &CompactString) -> Vec<Arc<Queue>> {
        if channel != Channel::Event {
            return vec![self.queue(destination)];
        }
        let subscribed = self.subscribed.lock();
        let theirs = subscribed.iter().filter(|(event, _)| event == destination);
        theirs.map(|(_, queue)| self.queue(queue)).collect()
    }
}

impl PlainBroker {
    fn send(&self, outbound: &Outbound) -> Result<Receipt, BrokerError> {
        let refuse = |kind, why| Err(BrokerError::new(kind, Effect::NotApplied, why));
        if self.session.lock().is_closed {
            return refuse(ErrorKind::Closed, "the connection was closed");
        }
        if outbound.message.weight_bytes() > MESSAGE_BYTES_MAX {
            return refuse(ErrorKind::TooLarge, "the message is too large");
        }
        for queue in self.server.queues_for(outbound.channel, &outbound.message.destination) {
            queue.push(&outbound.message);
        }
        Ok(Receipt::default())
    }

    fn join(&self, subscription: &Subscription) -> Box<dyn Inbox> {
        let Subscription { channel, destination, service, prefetch } = subscription;
        let mut name = destination.clone();
        if *channel == Channel::Event {
            name = format_compact!("{destination}.{service}");
            self.server.subscribed.lock().insert((destination.clone(), name.clone()));
        }
        let window = Window::of(*prefetch);
        let queue = self.server.queue(&name);
        let raw = queue.subscribe(if self.keeps_order { window.held_max } else { *prefetch });
        self.session.lock().inboxes.push((queue, raw.id()));
        if self.keeps_order { ordered(Box::new(raw), window) } else { Box::new(raw) }
    }

    fn end(&self) {
        let mut session = self.session.lock();
        session.is_closed = true;
        for (queue, id) in session.inboxes.drain(..) {
            queue.end(id);
        }
    }
}

impl Broker for PlainBroker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durable: true,
            serializes_keys: false,
            counts_attempts: true,
            delays_retry: false,
            between_processes: false,
            message_bytes_max: MESSAGE_BYTES_MAX,
        }
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(std::future::ready(self.send(&outbound)))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(std::future::ready(Ok(self.join(&subscription))))
    }

    fn prepare<'a>(&'a self, _: Channel, _: &'a str) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        let problem = self.session.lock().is_closed.then(|| "closed".to_owned());
        Box::pin(std::future::ready(Health { problem, warnings: Vec::new(), waiting: Vec::new() }))
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, ()> {
        self.end();
        Box::pin(std::future::ready(()))
    }
}

impl fmt::Debug for PlainBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainBroker").field("keeps_order", &self.keeps_order).finish_non_exhaustive()
    }
}

impl PlainHarness {
    pub(crate) fn ordered() -> Self {
        Self { server: Arc::default(), keeps_order: true, open: Vec::new() }
    }

    /// Its queues as they are.
    pub(crate) fn raw() -> Self {
        Self { keeps_order: false, ..Self::ordered() }
    }

    fn connect(&mut self) -> Arc<dyn Broker> {
        let broker = Arc::new(PlainBroker {
            server: Arc::clone(&self.server),
            keeps_order: self.keeps_order,
            session: Mutex::default(),
        });
        self.open.push(Arc::clone(&broker));
        broker
    }
}

impl Harness for PlainHarness {
    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        let broker = self.connect();
        Box::pin(std::future::ready(Ok(broker)))
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        let broker = self.connect();
        Box::pin(std::future::ready(broker))
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        for broker in self.open.drain(..) {
            broker.end();
        }
        let broker = self.connect();
        Box::pin(std::future::ready(broker))
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        for queue in self.server.queues.lock().values() {
            queue.cut();
        }
        Box::pin(std::future::ready(true))
    }

    fn patience(&self) -> Patience {
        Patience {
            arrival: Duration::from_secs(10),
            silence: Duration::from_millis(40),
            pause: Duration::from_millis(100),
        }
    }
}
