//! The faults on the way in: what is published, subscribed and closed.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use compact_str::CompactString;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Effect, ErrorKind, Health, Inbox, LinkState,
    Message, Outbound, Receipt, Subscription,
};

use super::Fault;
use super::inbox::{BrokenInbox, KEY_HEADER};

/// How much later a message comes that lost its turn.
const LATE_BY: Duration = Duration::from_millis(20);

/// What the connections of one broken broker share.
pub(super) struct World {
    pub(super) fault: Fault,
    published: AtomicUsize,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    connections: Vec<Arc<dyn Broker>>,
    ids: HashSet<CompactString>,
    listening: Vec<CompactString>,
    events: Vec<Outbound>,
    reply_place: Option<CompactString>,
}

pub(super) struct BrokenBroker {
    inner: Arc<dyn Broker>,
    world: Arc<World>,
}

impl World {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, published: AtomicUsize::new(0), memory: Mutex::default() }
    }

    pub(super) fn connected(&self, broker: &Arc<dyn Broker>) {
        self.memory().connections.push(Arc::clone(broker));
    }

    pub(super) fn stopped_listening(&self, destination: &str) {
        let mut memory = self.memory();
        if let Some(index) = memory.listening.iter().position(|listening| listening == destination) {
            memory.listening.swap_remove(index);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_nth(&self, n: usize) -> bool {
        self.published.fetch_add(1, Ordering::Relaxed) % n == n - 1
    }

    fn nobody_listens(&self, outbound: &Outbound, channel: Channel) -> bool {
        outbound.channel == channel && !self.memory().listening.contains(&outbound.message.destination)
    }

    fn first_reply_place(&self, place: &CompactString) -> CompactString {
        self.memory().reply_place.get_or_insert_with(|| place.clone()).clone()
    }

    /// Confirmed and thrown away.
    fn loses(&self, outbound: &Outbound) -> bool {
        match self.fault {
            Fault::DropsEveryTenth => self.is_nth(10),
            Fault::DropsTransient => !outbound.durable,
            Fault::DropsEarlyCommands => self.nobody_listens(outbound, Channel::Command),
            Fault::DropsMissedEvents => self.nobody_listens(outbound, Channel::Event),
            _ => false,
        }
    }

    fn alter(&self, outbound: &mut Outbound) {
        let message = Arc::make_mut(&mut outbound.message);
        match self.fault {
            Fault::LosesHeaders => message.headers.clear(),
            Fault::FlattensText => flatten(message),
            Fault::LosesCorrelation => message.correlation_id = None,
            Fault::RenamesRequests if message.reply_to.is_some() => {
                message.correlation_id = Some(message.id.clone());
            }
            Fault::OneKeyForAll => swap_key(message, Some("one".into())),
            Fault::IgnoresKeys => swap_key(message, None),
            Fault::MixesReplies if outbound.channel == Channel::Reply => {
                message.destination = self.first_reply_place(&message.destination);
            }
            Fault::ReplaysOldEvents if outbound.channel == Channel::Event => {
                self.memory().events.push(outbound.clone());
            }
            _ => {}
        }
    }
}

fn flatten(message: &mut Message) {
    for (_, value) in &mut message.headers {
        *value = value.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect();
    }
}

/// The consumer still sees the message's own key.
fn swap_key(message: &mut Message, key: Option<CompactString>) {
    if let Some(own) = std::mem::replace(&mut message.key, key) {
        message.headers.push((KEY_HEADER.into(), own));
    }
}

impl BrokenBroker {
    pub(super) fn new(inner: Arc<dyn Broker>, world: Arc<World>) -> Self {
        Self { inner, world }
    }

    async fn send(&self, mut outbound: Outbound) -> Result<Receipt, BrokerError> {
        if self.world.loses(&outbound) {
            return Ok(Receipt::default());
        }
        self.world.alter(&mut outbound);
        match self.world.fault {
            Fault::RepeatsMessages => drop(self.inner.publish(outbound.clone()).await?),
            Fault::IgnoresOrder if self.world.is_nth(2) => return Ok(self.send_late(outbound)),
            Fault::RefusesRepeatedIds => self.refuse_repeated(&outbound.message.id)?,
            _ => {}
        }
        let sent = self.inner.publish(outbound).await;
        match (&sent, self.world.fault) {
            (Err(error), Fault::SwallowsWhenFull) if error.kind == ErrorKind::Full => Ok(Receipt::default()),
            (Err(error), Fault::SwallowsLargeMessages) if error.kind == ErrorKind::TooLarge => {
                Ok(Receipt::default())
            }
            _ => sent,
        }
    }

    fn send_late(&self, outbound: Outbound) -> Receipt {
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            tokio::time::sleep(LATE_BY).await;
            inner.publish(outbound).await
        });
        Receipt::default()
    }

    fn refuse_repeated(&self, id: &CompactString) -> Result<(), BrokerError> {
        if self.world.memory().ids.insert(id.clone()) {
            return Ok(());
        }
        Err(BrokerError::new(
            ErrorKind::Rejected,
            Effect::NotApplied,
            format!("message {id} was sent before"),
        ))
    }

    async fn join(&self, mut subscription: Subscription) -> Result<Box<dyn Inbox>, BrokerError> {
        match self.world.fault {
            Fault::IgnoresPrefetch | Fault::HoardsMessages => subscription.prefetch *= 2,
            Fault::SharesEvents => subscription.service = "everybody".into(),
            _ => {}
        }
        let destination = subscription.destination.clone();
        let inbox = self.inner.subscribe(subscription).await?;
        self.world.memory().listening.push(destination.clone());
        let old_events = std::mem::take(&mut self.world.memory().events);
        for event in old_events {
            self.inner.publish(event).await?;
        }
        Ok(Box::new(BrokenInbox::new(inbox, destination, Arc::clone(&self.world))))
    }

    async fn let_go(&self, grace: Duration) {
        match self.world.fault {
            Fault::NeverCloses => {}
            Fault::ClosesAll => {
                let all = self.world.memory().connections.clone();
                for connection in all {
                    connection.close(grace).await;
                }
            }
            _ => self.inner.close(grace).await,
        }
    }
}

impl Broker for BrokenBroker {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(self.send(outbound))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(self.join(subscription))
    }

    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        self.inner.prepare(channel, destination)
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        self.inner.probe()
    }

    fn state(&self) -> LinkState {
        self.inner.state()
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.let_go(grace))
    }
}

impl fmt::Debug for BrokenBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokenBroker").field("fault", &self.world.fault).field("inner", &self.inner).finish()
    }
}
