//! Handing a message to the broker. Durable: confirmed, and returned when no queue takes it. Otherwise: written to the
//! connection, and that is all.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lapin::Channel as AmqpChannel;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use parking_lot::RwLock;
use sidegate_broker::{BrokerError, Channel, Effect, Outbound, Receipt};
use tokio::time::{Instant, timeout_at};

use crate::confirms::{Fate, GivenUp, Job, Letter, Outlet};
use crate::error;
use crate::link::{Link, Session};
use crate::topology::{self, EVENTS, Place};
use crate::wire;

/// How many channels the destinations share. A queue without a leader blocks the channel that publishes to it, at the
/// broker: the others go on.
const CHANNELS: usize = 16;

/// Where an asker waits who uses RabbitMQ's direct reply-to. It is no queue: a message that must find one is returned,
/// delivered or not.
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to.";

/// The channels that messages go out by, made when first needed and again when they end.
#[derive(Default)]
pub(crate) struct Outlets {
    confirming: [RwLock<Option<Outlet>>; CHANNELS],
    plain: [RwLock<Option<AmqpChannel>>; CHANNELS],
    opening: tokio::sync::Mutex<()>,
    given_up: GivenUp,
}

/// One message on its way out.
struct Publishing<'a> {
    link: &'a Link,
    session: Arc<Session>,
    outbound: &'a Outbound,
    deadline: Instant,
}

pub(crate) async fn publish(link: &Link, outbound: Outbound) -> Result<Receipt, BrokerError> {
    if link.is_closed() {
        return Err(error::closed());
    }
    let (body_bytes, bytes_max) = (outbound.message.body.len(), link.config.message_bytes_max());
    if body_bytes > bytes_max {
        return Err(error::too_large("body", body_bytes, bytes_max));
    }
    let deadline = Instant::now() + link.config.publish_timeout;
    let session = link.session().await?;
    if let Some(reason) = session.blocked() {
        return Err(error::blocked(&reason));
    }
    let publishing = Publishing { link, session, outbound: &outbound, deadline };
    let sent = if outbound.durable { publishing.confirmed().await } else { publishing.unconfirmed().await };
    sent.map(|()| Receipt::default())
}

impl Publishing<'_> {
    /// A command whose queue was deleted under us finds it made again, once.
    async fn confirmed(&self) -> Result<(), BrokerError> {
        let place = self.ensure().await?;
        match self.send_confirmed().await? {
            Fate::Returned(_) if self.may_make(place) => {
                self.ensure().await?;
                let fate = self.send_confirmed().await?;
                self.judge(fate)
            }
            fate => self.judge(fate),
        }
    }

    fn may_make(&self, place: Option<Place<'_>>) -> bool {
        let (Some(place), true) = (place, self.link.config.queues.create) else { return false };
        self.session.known.forget(place);
        true
    }

    async fn ensure(&self) -> Result<Option<Place<'_>>, BrokerError> {
        let place = Place::of_sender(self.outbound.channel, &self.outbound.message.destination);
        if let Some(place) = place {
            let made = timeout_at(self.deadline, topology::ensure(&self.session, place)).await;
            made.map_err(|_| self.late(Effect::NotApplied))??;
        }
        Ok(place)
    }

    async fn send_confirmed(&self) -> Result<Fate, BrokerError> {
        let (job, mut ticket) = Job::new(self.letter()?);
        let outlet =
            timeout_at(self.deadline, self.session.confirming(self.lane(), &self.link.unconfirmed)).await;
        let outlet = outlet.map_err(|_| self.late(Effect::NotApplied))??;
        let in_line = timeout_at(self.deadline, outlet.jobs.send(job)).await;
        let is_taken = in_line.map_err(|_| self.late(Effect::NotApplied))?.is_ok();
        if !is_taken {
            return Ok(Fate::NeverSent);
        }
        match timeout_at(self.deadline, &mut ticket.fate).await {
            Ok(fate) => Ok(fate.unwrap_or(Fate::NeverSent)),
            Err(_) if ticket.withdraw() => Err(self.late(Effect::NotApplied)),
            Err(_) => {
                outlet.give_up();
                Err(self.late(Effect::Unknown))
            }
        }
    }

    fn judge(&self, fate: Fate) -> Result<(), BrokerError> {
        let message = &self.outbound.message;
        match fate {
            Fate::Taken => Ok(()),
            Fate::Returned(words) => Err(error::unroutable(&message.destination, &words)),
            Fate::Nacked => Err(error::overflow(&message.destination)),
            Fate::NeverSent => Err(error::never_sent(&message.id)),
            Fate::Lost(cause) => Err(self.lost(&cause)),
        }
    }

    /// The channel ended. If it did over the size of a message, the limit is known from now on, and the one that was
    /// too large is not sent again.
    fn lost(&self, cause: &lapin::Error) -> BrokerError {
        if error::protocol_error(cause).is_some() {
            self.session.known.forget_all();
        }
        let words = error::words(cause);
        let body_bytes = self.outbound.message.body.len();
        if let Some(bytes_max) = size_limit(&words) {
            self.link.config.lower_message_bytes_max(bytes_max);
            if body_bytes > bytes_max {
                return error::too_large("body", body_bytes, bytes_max);
            }
        }
        error::confirm_lost(&self.outbound.message.id, &words)
    }

    async fn unconfirmed(&self) -> Result<(), BrokerError> {
        self.ensure().await?;
        let letter = self.letter()?;
        let channel = timeout_at(self.deadline, self.session.plain(self.lane())).await;
        let channel = channel.map_err(|_| self.late(Effect::NotApplied))??;
        let Letter { exchange, routing_key, properties, body, id, .. } = letter;
        let options = BasicPublishOptions::default();
        let written = channel.basic_publish(exchange.into(), routing_key, options, &body, properties);
        match timeout_at(self.deadline, written).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(error::confirm_lost(&id, &error::words(&cause))),
            Err(_) => Err(self.late(Effect::Unknown)),
        }
    }

    /// An event that nobody subscribed to is fine; a command or a reply that no queue takes is not.
    fn letter(&self) -> Result<Letter, BrokerError> {
        let Outbound { channel, message, durable, .. } = self.outbound;
        let is_event = *channel == Channel::Event;
        let is_direct = message.destination.starts_with(DIRECT_REPLY);
        Ok(Letter {
            exchange: if is_event { EVENTS } else { "" },
            routing_key: topology::short("destination", &message.destination)?,
            is_mandatory: !is_event && !is_direct,
            properties: wire::outgoing(message, *channel, *durable, &self.link.config.names)?,
            body: message.body.clone(),
            id: message.id.clone(),
        })
    }

    /// Always the same for a destination: its messages keep their order.
    fn lane(&self) -> usize {
        let mut hasher = DefaultHasher::new();
        self.outbound.message.destination.hash(&mut hasher);
        usize::try_from(hasher.finish() % CHANNELS as u64).unwrap_or_default()
    }

    fn late(&self, effect: Effect) -> BrokerError {
        error::not_confirmed(&self.outbound.message.id, self.link.config.publish_timeout, effect)
    }
}

impl Session {
    async fn confirming(&self, lane: usize, unconfirmed: &Arc<AtomicU64>) -> Result<Outlet, BrokerError> {
        if let Some(outlet) = self.outlets.confirming(lane) {
            return Ok(outlet);
        }
        let _turn = self.outlets.opening.lock().await;
        if let Some(outlet) = self.outlets.confirming(lane) {
            return Ok(outlet);
        }
        let channel = self.channel().await?;
        let selected = channel.confirm_select(ConfirmSelectOptions::default()).await;
        selected.map_err(|cause| error::call("ask for confirms", &cause))?;
        let id_header = self.config.names.wire(wire::MESSAGE_ID).into();
        let outlet = Outlet::open(channel, Arc::clone(unconfirmed), id_header, self.outlets.given_up.clone());
        *self.outlets.confirming[lane].write() = Some(outlet.clone());
        Ok(outlet)
    }

    async fn plain(&self, lane: usize) -> Result<AmqpChannel, BrokerError> {
        if let Some(channel) = self.outlets.plain(lane) {
            return Ok(channel);
        }
        let _turn = self.outlets.opening.lock().await;
        if let Some(channel) = self.outlets.plain(lane) {
            return Ok(channel);
        }
        let channel = self.channel().await?;
        *self.outlets.plain[lane].write() = Some(channel.clone());
        Ok(channel)
    }
}

impl Outlets {
    fn confirming(&self, lane: usize) -> Option<Outlet> {
        self.confirming[lane].read().clone().filter(Outlet::is_open)
    }

    fn plain(&self, lane: usize) -> Option<AmqpChannel> {
        self.plain[lane].read().clone().filter(|channel| channel.status().connected())
    }
}

/// `PRECONDITION_FAILED - message size 20 is larger than configured max size 10`, and other words for it.
fn size_limit(words: &str) -> Option<usize> {
    if !words.contains("message size") {
        return None;
    }
    words.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty())?.parse().ok()
}

/// Until nothing is on its way out any more.
pub(crate) async fn settle_down(link: &Link, grace: Duration) {
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    let deadline = Instant::now() + grace;
    while link.unconfirmed.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::size_limit;

    #[test]
    fn the_servers_own_limit_is_read_from_its_refusal() {
        let words = "PRECONDITION_FAILED - message size 17000000 is larger than configured max size 16777216";
        assert_eq!(size_limit(words), Some(16_777_216), "the limit stands last");
        assert_eq!(
            size_limit("PRECONDITION_FAILED - unknown delivery tag 7"),
            None,
            "other refusals have none"
        );
    }
}
