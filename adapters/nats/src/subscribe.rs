//! From a subscription to an inbox.

use std::sync::Arc;

use sidegate_broker::{BrokerError, Channel, Inbox, Subscription};
use sidegate_order::{Window, ordered};

use crate::asks::Asks;
use crate::direct::{Direct, Replies};
use crate::hand::Mailbox;
use crate::inbox::PullInbox;
use crate::keeper;
use crate::link::Link;
use crate::names;
use crate::topology::{Consumer, Topology, Wanted};
use crate::wire::Wire;

pub(crate) struct Subscriber {
    pub(crate) link: Arc<Link>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) asks: Arc<Asks>,
    pub(crate) wire: Arc<Wire>,
}

/// Room beside the prefetch for messages that wait behind their key or in a pause. Little, since a message that waits
/// here waits while another replica may be idle.
const ASIDE_MIN: usize = 16;

impl Subscriber {
    pub(crate) async fn subscribe(&self, wanted: Subscription) -> Result<Box<dyn Inbox>, BrokerError> {
        self.link.ready().await?;
        let Subscription { channel, destination, service, prefetch } = wanted;
        names::checked(&destination)?;
        let prefetch = prefetch.max(1);
        let window = Window { prefetch, held_max: prefetch.saturating_add(prefetch.max(ASIDE_MIN)) };
        let wanted = Wanted { channel, destination, service };
        if channel == Channel::Reply {
            // Replies have no keys, and the server counts and delays them itself.
            return Ok(Box::new(self.raw(wanted, prefetch).await?));
        }
        let raw = self.raw(wanted, window.held_max).await?;
        Ok(ordered(Box::new(raw), window))
    }

    async fn raw(&self, wanted: Wanted, capacity: usize) -> Result<PullInbox, BrokerError> {
        let direct = self.direct(&wanted).await?;
        let here = self.link.new_inbox();
        let stored = self.link.subscribe(&here).await?;
        // The answer to this says that the server knows of the subscriptions before it.
        let consumer = self.topology.consumer(&wanted).await?;
        let next_subject = self.topology.api().next_subject(&consumer.stream, &consumer.name);
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.link), wanted, &consumer, capacity));
        self.link.watch().register(&mailbox);
        if self.link.is_closed() {
            mailbox.close();
        }
        self.open(&mailbox, &consumer);
        Ok(PullInbox::new(mailbox, Arc::clone(&self.wire), next_subject, (here, stored), direct))
    }

    /// What goes past the streams.
    async fn direct(&self, wanted: &Wanted) -> Result<Option<Direct>, BrokerError> {
        let Wanted { channel, destination, service } = wanted;
        Ok(match channel {
            Channel::Event => None,
            Channel::Command => {
                let group = names::file_name(service);
                let came = self.link.subscribe_shared(names::direct(destination), group).await?;
                Some(Direct::Commands { came, destination: destination.clone() })
            }
            Channel::Reply => {
                let came = self.link.subscribe(&format!("{}>", names::inbox(destination))).await?;
                Some(Direct::Replies(Replies::new(came, destination, Arc::clone(&self.asks))))
            }
        })
    }

    /// What a predecessor had in hand when it died comes first.
    fn open(&self, mailbox: &Arc<Mailbox>, consumer: &Consumer) {
        if consumer.info.num_ack_pending == 0 || mailbox.wanted.channel == Channel::Reply {
            return mailbox.open(mailbox.shuts());
        }
        tokio::spawn(keeper::open_when_due(Arc::downgrade(mailbox), Arc::clone(&self.topology)));
    }
}
