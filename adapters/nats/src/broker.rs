//! The port's own trait on top of the parts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Health, Inbox, LinkState, Outbound, Receipt,
    Settings, Subscription,
};
use tokio::task::AbortHandle;

use crate::address::Address;
use crate::api::Api;
use crate::asks::{Asks, resolve};
use crate::confirm::Confirms;
use crate::hand::GIVE_BACK;
use crate::keeper::{Keeper, tick};
use crate::link::{Link, outbound};
use crate::names;
use crate::options::Options;
use crate::probe::Probe;
use crate::publish::Publisher;
use crate::subscribe::Subscriber;
use crate::topology::Topology;
use crate::watch::Watch;
use crate::wire::Wire;
use crate::{capabilities, connect};

/// Closing takes five seconds at most, whatever grace it is given and whatever state the server is in.
const GRACE_MAX: Duration = Duration::from_secs(3);
/// For each of the last words of a connection, of which there are three.
const FAREWELL_MAX: Duration = Duration::from_millis(400);

/// A connection to NATS.
pub(crate) struct Nats {
    link: Arc<Link>,
    topology: Arc<Topology>,
    options: Arc<Options>,
    publisher: Publisher,
    subscriber: Subscriber,
    tasks: Vec<AbortHandle>,
}

impl Nats {
    pub(crate) async fn connect(settings: &Settings) -> Result<Self, BrokerError> {
        let address = Address::parse(&settings.url)?;
        let options = Arc::new(Options::parse(&settings.options)?);
        let watch = Arc::new(Watch::new(address.shown.clone()));
        let name = format!("sidegate/{}/{}", settings.gateway, settings.replica);
        let client = connect::client(&address, &options, &name, &watch).await?;
        let link = Arc::new(Link::new(client, watch));
        let answers = link.subscribe(&link.confirms().all()).await?;
        let api = Api::new(Arc::clone(&link), options.domain.as_deref());
        let topology = Arc::new(Topology::new(api, Arc::clone(&options), settings.create));
        let wire = Arc::new(Wire::new(settings.names.clone()));
        let (asks, refused) = Asks::new();
        let asks = Arc::new(asks);
        let keeper = Keeper {
            link: Arc::downgrade(&link),
            asks: Arc::downgrade(&asks),
            topology: Arc::downgrade(&topology),
            tick: tick(options.ack_wait),
        };
        let resolving = resolve(Arc::clone(&asks), refused, Arc::clone(&topology), Arc::clone(&link));
        let tasks = vec![
            tokio::spawn(answer(answers, Arc::clone(link.confirms()))).abort_handle(),
            tokio::spawn(resolving).abort_handle(),
            tokio::spawn(keeper.run()).abort_handle(),
        ];
        let publisher = Publisher {
            link: Arc::clone(&link),
            topology: Arc::clone(&topology),
            asks: Arc::clone(&asks),
            wire: Arc::clone(&wire),
        };
        let subscriber = Subscriber { link: Arc::clone(&link), topology: Arc::clone(&topology), asks, wire };
        Ok(Self { link, topology, options, publisher, subscriber, tasks })
    }

    async fn end(&self, grace: Duration) {
        if self.link.is_closed() {
            return;
        }
        let was_connected = self.link.is_connected();
        // Nothing new from here on; what is on its way is waited for.
        self.link.close();
        self.link.settled(if was_connected { grace.min(GRACE_MAX) } else { Duration::ZERO }).await;
        let mailboxes = self.link.watch().mailboxes();
        let in_hand: Vec<_> = mailboxes.iter().flat_map(|mailbox| mailbox.close()).collect();
        let giving_back = async {
            for subject in in_hand {
                let _ = self.link.send(outbound(subject, Bytes::from_static(GIVE_BACK))).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL_MAX, giving_back).await;
        self.link.drain(if was_connected { FAREWELL_MAX } else { Duration::ZERO }).await;
        self.stop();
    }

    fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.link.silence();
    }
}

async fn answer(mut answers: async_nats::Subscriber, confirms: Arc<Confirms>) {
    while let Some(message) = answers.next().await {
        confirms.answer(message);
    }
}

impl Broker for Nats {
    fn capabilities(&self) -> Capabilities {
        Capabilities { message_bytes_max: self.link.message_bytes_max(), ..capabilities() }
    }

    fn publish(&self, outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        // Apart, so that the fast ways carry none of the other's weight.
        if outbound.channel == Channel::Command && !outbound.durable {
            return Box::pin(async move { self.publisher.ask(&outbound.message).await });
        }
        if outbound.channel == Channel::Reply && names::is_inbox(&outbound.message.destination) {
            return Box::pin(async move { self.publisher.answer(&outbound.message).await });
        }
        Box::pin(self.publisher.publish(outbound))
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(self.subscriber.subscribe(subscription))
    }

    fn prepare<'a>(
        &'a self,
        channel: Channel,
        destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(async move {
            names::checked(destination)?;
            self.link.ready().await?;
            self.topology.stream(channel, destination).await.map(drop)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Health> {
        let mailboxes = self.link.watch().mailboxes();
        let wanted = mailboxes.iter().filter(|mailbox| !mailbox.is_orphan());
        let wanted = wanted.map(|mailbox| mailbox.wanted.clone()).collect();
        Box::pin(async move {
            let probe = Probe { link: &self.link, topology: &self.topology, options: &self.options };
            probe.run(wanted).await
        })
    }

    fn state(&self) -> LinkState {
        self.link.state()
    }

    fn close(&self, grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.end(grace))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("place", &self.link.place()).finish_non_exhaustive()
    }
}
