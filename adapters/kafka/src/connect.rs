//! The broker itself: what the port asks for, handed to those who do it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::join;
use rdkafka::producer::Producer as _;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, ErrorKind, Health, Inbox, LinkState, Names,
    Outbound, Receipt, Settings, Subscription,
};

use crate::address::{Address, ReplyPlace};
use crate::client::Clients;
use crate::context::Ears;
use crate::error::{closed, reason};
use crate::link::Link;
use crate::options::Options;
use crate::publish::Publisher;
use crate::subscribe::Readers;
use crate::topology::{Purpose, Topology};
use crate::wire::Outgoing;

/// Closing ends after this, whatever the cluster does.
const CLOSE_MAX: Duration = Duration::from_millis(4_500);

/// A topic that is nearly always there, and that nobody is hurt to be asked for.
const ANY_TOPIC: &str = "__consumer_offsets";

/// See [`connect`](crate::connect).
pub(crate) struct Kafka {
    pub(crate) gateway: CompactString,
    pub(crate) replica: CompactString,
    pub(crate) names: Arc<Names>,
    pub(crate) ears: Ears,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) topology: Topology,
    pub(crate) readers: Readers,
    is_closed: AtomicBool,
}

pub(crate) const fn capabilities(message_bytes_max: usize) -> Capabilities {
    Capabilities {
        durable: true,
        serializes_keys: true,
        counts_attempts: false,
        delays_retry: false,
        between_processes: true,
        message_bytes_max,
    }
}

pub(crate) fn open(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
    let options = Options::parse(&settings.options)?;
    let clients = Arc::new(Clients::new(&settings, options)?);
    let link = Arc::new(Link::new(clients.shown.clone()));
    let ears = Ears { clients, link };
    let publisher = Arc::new(Publisher::new(ears.clone())?);
    watch(&ears.link, &publisher);
    Ok(Arc::new(Kafka {
        topology: Topology::new(ears.clone(), Arc::clone(&publisher), settings.create),
        gateway: settings.gateway,
        replica: settings.replica,
        names: Arc::new(settings.names),
        ears,
        publisher,
        readers: Readers::default(),
        is_closed: AtomicBool::new(false),
    }))
}

/// The thread that knows whether the cluster is there. It lives as long as the link is open.
fn watch(link: &Arc<Link>, publisher: &Arc<Publisher>) {
    let (link, publisher) = (Arc::clone(link), Arc::downgrade(publisher));
    let ask = move |limit: Duration| {
        let producer = publisher.upgrade().and_then(|publisher| publisher.producer());
        let producer = producer.ok_or_else(|| closed().to_string())?;
        producer.client().fetch_metadata(Some(ANY_TOPIC), limit).map(drop).map_err(|error| reason(&error))
    };
    let body = move || link.watch(ask);
    // Without threads nothing works here: the link stays as it is, and publishing says that it cannot reach the cluster.
    if let Err(why) = std::thread::Builder::new().name("sidegate-kafka-link".to_owned()).spawn(body) {
        tracing::error!(%why, "cannot start a thread for kafka");
    }
}

impl Kafka {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Open, and the cluster is there.
    pub(crate) async fn ready(&self) -> Result<(), BrokerError> {
        if self.is_closed() {
            return Err(closed());
        }
        self.ears.link.ready().await
    }

    async fn send(&self, outbound: &Outbound) -> Result<Receipt, BrokerError> {
        self.ready().await?;
        let message = &*outbound.message;
        let is_reply = outbound.channel == Channel::Reply;
        let to = if is_reply {
            Address::parse(&message.destination)
        } else {
            Address { topic: message.destination.clone(), partition: None }
        };
        let purpose = if is_reply { Purpose::Answer } else { Purpose::Use(outbound.channel) };
        self.topology.ensure(purpose, &to.topic).await?;
        let outgoing = Outgoing {
            message,
            correlation_id: correlation_id(outbound),
            reply_to: self.reply_address(message.reply_to.as_deref()).await?,
            partition: to.partition,
        };
        let sent = self.publisher.publish(&outgoing, &to, &self.names).await;
        if sent.as_ref().is_err_and(|error| matches!(error.kind, ErrorKind::Timeout | ErrorKind::Rejected)) {
            // It may be gone. The next message asks.
            self.topology.forget(&to.topic);
        }
        sent
    }

    /// What is told to those who answer. Our own reply topic has to be there, with partitions to choose from.
    async fn reply_address(&self, place: Option<&str>) -> Result<Option<Address>, BrokerError> {
        let Some(place) = place else { return Ok(None) };
        let place = ReplyPlace::of(place);
        let partitions = match &place {
            ReplyPlace::Shared { topic, .. } => {
                self.topology.ensure(Purpose::Use(Channel::Reply), topic).await?
            }
            ReplyPlace::Other(_) => 0,
        };
        Ok(Some(place.address(partitions)))
    }

    async fn let_go(&self, grace: Duration) {
        self.is_closed.store(true, Ordering::Release);
        let grace = grace.min(CLOSE_MAX);
        self.readers.close();
        join(self.readers.gone(grace), self.publisher.close(grace)).await;
        self.ears.link.close();
    }
}

/// What an answer must carry: the asker's own, or else the message's id.
fn correlation_id(outbound: &Outbound) -> Option<&str> {
    let message = &outbound.message;
    let own = message.correlation_id.as_deref();
    let asks = outbound.channel == Channel::Command && message.reply_to.is_some() && !message.id.is_empty();
    own.or_else(|| asks.then_some(message.id.as_str()))
}

impl Broker for Kafka {
    fn capabilities(&self) -> Capabilities {
        capabilities(self.ears.clients.options().message_bytes_max)
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(async move { self.send(&outbound).await })
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(self.join(subscription))
    }

    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(async move {
            self.ready().await?;
            let topic = match channel {
                Channel::Reply => ReplyPlace::of(destination).topic().clone(),
                Channel::Command | Channel::Event => destination.into(),
            };
            self.topology.ensure(Purpose::Use(channel), &topic).await.map(drop)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        Box::pin(self.examine())
    }

    fn state(&self) -> LinkState {
        LinkState {
            connected: self.ears.link.is_up(),
            reconnects: self.ears.link.reconnects(),
            unconfirmed: self.publisher.unconfirmed(),
        }
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.let_go(grace))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.readers.close();
        self.ears.link.close();
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("url", &self.ears.link.shown())
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}
