//! Receiving: a consumer with a thread of its own for each subscription, and the order of keys above it.
//!
//! Who subscribes gets an inbox when the group has given it its partitions, or after a while without: then they come later.
//! So messages that are published after two replicas have subscribed do not see a rebalance.

use std::sync::{Arc, Weak};
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BoxFuture, BrokerError, Channel, Delivery, ErrorKind, Inbox, Subscription};
use sidegate_order::{Window, ordered};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::address::ReplyPlace;
use crate::connect::Kafka;
use crate::error::{closed, not_applied};
use crate::holdings::{Holdings, Lost};
use crate::member::Standing;
use crate::position::NewGroup;
use crate::reader::{Plan, Reader, Share};
use crate::settle::delivery;
use crate::topology::Purpose;

/// Joining a group takes so long at most before an inbox is handed out without partitions. Clusters let a new group wait
/// three seconds for others (`group.initial.rebalance.delay.ms`).
const JOIN_MAX: Duration = Duration::from_secs(8);
/// Who hears only what comes from now on must know where now is. A new cluster takes a while to answer that.
const BEGIN_MAX: Duration = Duration::from_secs(30);
/// Who has joined and got nothing waits so much longer: others let go of theirs first.
const SHARE_MAX: Duration = Duration::from_secs(2);

/// All consumers of a broker.
#[derive(Default)]
pub(crate) struct Readers(Mutex<Vec<Known>>);

struct Known {
    holdings: Weak<Holdings>,
    done: watch::Receiver<bool>,
    plan: Plan,
}

/// Deliveries as they come from the log.
struct RawInbox {
    holdings: Arc<Holdings>,
    topic: CompactString,
}

impl Kafka {
    pub(crate) async fn join(&self, subscription: Subscription) -> Result<Box<dyn Inbox>, BrokerError> {
        self.ready().await?;
        let window = Window::of(subscription.prefetch);
        let plan = self.plan(&subscription, window.held_max).await?;
        let (topic, share) = (plan.topic.clone(), plan.share);
        let holdings = Arc::new(Holdings::new(window.held_max));
        // Dropped when the caller gives up: then the consumer leaves again.
        let raw = RawInbox { holdings: Arc::clone(&holdings), topic: topic.clone() };
        let standing = self.start(plan, &holdings)?;
        until_assigned(standing, share, &topic).await?;
        self.check_still_open(&holdings)?;
        Ok(ordered(Box::new(raw), window))
    }

    async fn plan(&self, subscription: &Subscription, held_max: usize) -> Result<Plan, BrokerError> {
        let options = self.ears.clients.options();
        let destination = subscription.destination.clone();
        let purpose = Purpose::Use(subscription.channel);
        let new_group = match subscription.channel {
            Channel::Command => NewGroup::Beginning,
            Channel::Event => NewGroup::End,
            Channel::Reply => return self.plan_replies(subscription, held_max).await,
        };
        self.topology.ensure(purpose, &destination).await?;
        let group = options.group(&subscription.service);
        Ok(Plan {
            topic: destination.clone(),
            destination,
            group,
            held_max,
            share: Share::OfGroup(new_group),
        })
    }

    async fn plan_replies(&self, subscription: &Subscription, held_max: usize) -> Result<Plan, BrokerError> {
        let place = ReplyPlace::of(&subscription.destination);
        let partitions = self.topology.ensure(Purpose::Use(Channel::Reply), place.topic()).await?;
        let replica = match &place {
            ReplyPlace::Shared { replica, .. } => replica,
            ReplyPlace::Other(_) => &self.replica,
        };
        Ok(Plan {
            topic: place.topic().clone(),
            destination: subscription.destination.clone(),
            group: self.ears.clients.options().group(&format!("{}.{replica}", subscription.service)),
            held_max,
            share: Share::All { own: place.address(partitions).partition },
        })
    }

    fn start(&self, plan: Plan, holdings: &Arc<Holdings>) -> Result<watch::Receiver<Standing>, BrokerError> {
        let (standing, standing_seen) = watch::channel(Standing::Joining);
        let (done, done_seen) = watch::channel(false);
        let reader = Reader {
            plan: plan.clone(),
            ears: self.ears.clone(),
            names: Arc::clone(&self.names),
            holdings: Arc::clone(holdings),
            standing,
            done,
        };
        let thread =
            std::thread::Builder::new().name("sidegate-kafka".to_owned()).spawn(move || reader.run());
        thread.map_err(|why| {
            not_applied(
                ErrorKind::Unreachable,
                format!("cannot start a thread for topic `{}`: {why}", plan.topic),
            )
        })?;
        self.readers.add(Known { holdings: Arc::downgrade(holdings), done: done_seen, plan });
        Ok(standing_seen)
    }

    /// Closed meanwhile: the new consumer was not known then.
    fn check_still_open(&self, holdings: &Holdings) -> Result<(), BrokerError> {
        if self.is_closed() {
            holdings.close();
            return Err(closed());
        }
        Ok(())
    }
}

async fn until_assigned(
    mut standing: watch::Receiver<Standing>,
    share: Share,
    topic: &str,
) -> Result<(), BrokerError> {
    let may_begin_later = share == Share::OfGroup(NewGroup::Beginning);
    let limit = if may_begin_later { JOIN_MAX } else { BEGIN_MAX };
    let joined = standing.wait_for(|standing| *standing != Standing::Joining);
    let Ok(joined) = timeout(limit, async { joined.await.map(|standing| standing.clone()) }).await else {
        let text = format!("kafka did not say in time where to begin in topic `{topic}`");
        return if may_begin_later { Ok(()) } else { Err(not_applied(ErrorKind::Timeout, text)) };
    };
    match joined.unwrap_or_else(|_| Standing::Failed(ErrorKind::Closed, "its consumer ended".to_owned())) {
        Standing::Failed(kind, why) => {
            Err(not_applied(kind, format!("cannot receive from topic `{topic}`: {why}")))
        }
        Standing::Empty => {
            let _ = timeout(SHARE_MAX, standing.wait_for(|standing| *standing == Standing::Assigned)).await;
            Ok(())
        }
        Standing::Joining | Standing::Assigned => Ok(()),
    }
}

impl Readers {
    fn add(&self, known: Known) {
        let mut all = self.0.lock();
        all.retain(|known| !*known.done.borrow());
        all.push(known);
    }

    /// Nothing is handed out or settled any more; all of them leave.
    pub(crate) fn close(&self) {
        for known in self.0.lock().iter() {
            if let Some(holdings) = known.holdings.upgrade() {
                holdings.close();
            }
        }
    }

    /// Waits until all are gone, at most so long: one whose brokers are away takes its own time.
    pub(crate) async fn gone(&self, limit: Duration) {
        let waited: Vec<watch::Receiver<bool>> =
            self.0.lock().iter().map(|known| known.done.clone()).collect();
        let all_gone = async {
            for mut done in waited {
                let _ = done.wait_for(|is_done| *is_done).await;
            }
        };
        let _ = timeout(limit, all_gone).await;
    }

    /// What is read now.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        self.0.lock().iter().filter(|known| !*known.done.borrow()).map(|known| known.plan.clone()).collect()
    }
}

impl RawInbox {
    async fn receive(&mut self) -> Option<Delivery> {
        loop {
            match self.holdings.next() {
                Ok(Some(held)) => return Some(delivery(&self.holdings, &self.topic, held)),
                Ok(None) => self.holdings.arrival().await,
                Err(Lost) => return None,
            }
        }
    }
}

impl Inbox for RawInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

/// What was handed out may still be settled; then its consumer leaves.
impl Drop for RawInbox {
    fn drop(&mut self) {
        self.holdings.drain();
    }
}
