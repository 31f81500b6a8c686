//! What has to be done every now and then: one task for each connection, and no timers anywhere else.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::asks::{Asks, KEPT_FOR};
use crate::hand::Mailbox;
use crate::link::Link;
use crate::topology::Topology;

/// A consumer that brings nothing for so long although it should is looked into: a server may forget to deliver
/// (nats-server #4736, #5679).
const LOOK_INTO: Duration = Duration::from_secs(30);

/// What the task looks after; it ends when the broker is gone.
pub(crate) struct Keeper {
    pub(crate) link: Weak<Link>,
    pub(crate) asks: Weak<Asks>,
    pub(crate) topology: Weak<Topology>,
    pub(crate) tick: Duration,
}

/// How often: often enough for a third of the shortest time that the server waits.
pub(crate) fn tick(ack_wait: Duration) -> Duration {
    const FASTEST: Duration = Duration::from_millis(50);
    const SLOWEST: Duration = Duration::from_millis(250);
    (ack_wait / 12).clamp(FASTEST, SLOWEST)
}

impl Keeper {
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut forget_at, mut look_at) = (Instant::now() + KEPT_FOR, Instant::now() + LOOK_INTO);
        let mut came_before = HashMap::new();
        loop {
            ticks.tick().await;
            let (Some(link), Some(asks), Some(topology)) =
                (self.link.upgrade(), self.asks.upgrade(), self.topology.upgrade())
            else {
                return;
            };
            let now = Instant::now();
            link.reconcile();
            link.confirms().sweep(now);
            if now >= forget_at {
                asks.forget_old();
                forget_at = now + KEPT_FOR;
            }
            let mailboxes = link.watch().mailboxes();
            mailboxes.iter().for_each(|mailbox| mailbox.tick());
            if link.is_connected() {
                keep(&mailboxes, &topology, now);
            }
            if now >= look_at {
                look_into(&mailboxes, &topology, &mut came_before);
                look_at = now + LOOK_INTO;
            }
        }
    }
}

fn keep(mailboxes: &[Arc<Mailbox>], topology: &Arc<Topology>, now: Instant) {
    for mailbox in mailboxes {
        mailbox.keep(now);
        if mailbox.take_shut() && !mailbox.is_orphan() {
            tokio::spawn(open_when_due(Arc::downgrade(mailbox), Arc::clone(topology)));
        }
        if mailbox.take_repair() && !mailbox.is_orphan() {
            tokio::spawn(repair(Arc::clone(mailbox), Arc::clone(topology)));
        }
    }
}

/// A server under load notices late that it has waited long enough.
const DUE_MARGIN_MIN: Duration = Duration::from_millis(250);

/// When the server delivers again what nobody settles.
fn due(ack_wait: Duration) -> Instant {
    Instant::now() + ack_wait + (ack_wait / 4).max(DUE_MARGIN_MIN)
}

/// Messages that a predecessor had in hand when it died, or that were lost on their way with the connection, come again
/// when the server has waited for them long enough. Until then none is asked for: a later one of the same key would
/// overtake them. Where it is shut once more meanwhile, this leaves it to who waits for that.
pub(crate) async fn open_when_due(mailbox: Weak<Mailbox>, topology: Arc<Topology>) {
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    let Some((until, shuts)) = mailbox.upgrade().map(|mailbox| (due(mailbox.ack_wait()), mailbox.shuts()))
    else {
        return;
    };
    loop {
        let Some(mailbox) = mailbox.upgrade() else { return };
        let now = topology.consumer(&mailbox.wanted).await;
        let is_all_in_hand = now.is_ok_and(|now| now.info.num_ack_pending <= mailbox.surely_pending() as u64);
        if is_all_in_hand || Instant::now() >= until {
            return mailbox.open(shuts);
        }
        if mailbox.shuts() != shuts {
            return;
        }
        drop(mailbox);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Somebody deleted the consumer or its stream, or the server came back without them.
async fn repair(mailbox: Arc<Mailbox>, topology: Arc<Topology>) {
    let wanted = &mailbox.wanted;
    topology.forget(&wanted.destination);
    match topology.consumer(wanted).await {
        Ok(_) => tracing::info!(destination = %wanted.destination, "the consumer is there"),
        Err(error) => {
            tracing::warn!(destination = %wanted.destination, error = %error, "the consumer is gone and cannot be made");
        }
    }
    mailbox.wake();
}

/// Those that brought nothing since the last look although messages were asked for.
fn look_into(mailboxes: &[Arc<Mailbox>], topology: &Arc<Topology>, came_before: &mut HashMap<usize, u64>) {
    let mut came_now = HashMap::new();
    for mailbox in mailboxes {
        let name = Arc::as_ptr(mailbox).addr();
        let came = mailbox.came();
        came_now.insert(name, came);
        let is_still = came_before.get(&name) == Some(&came);
        if is_still && mailbox.asked_for() > 0 && !mailbox.is_orphan() {
            tokio::spawn(ask_whether_it_should(Arc::clone(mailbox), Arc::clone(topology)));
        }
    }
    *came_before = came_now;
}

async fn ask_whether_it_should(mailbox: Arc<Mailbox>, topology: Arc<Topology>) {
    let before = mailbox.came();
    let Ok(consumer) = topology.consumer(&mailbox.wanted).await else { return };
    if consumer.info.num_pending > 0 && mailbox.came() == before {
        let waiting = consumer.info.num_pending;
        tracing::warn!(destination = %mailbox.wanted.destination, waiting, "messages wait at the server and do not come");
        mailbox.ask_for_renewal();
    }
}
