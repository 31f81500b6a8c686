//! Queues and exchanges: made when absent, never changed when present.
//!
//! ```text
//! command   default exchange ─▶ quorum queue DESTINATION
//! event     topic exchange sidegate.events ─DESTINATION─▶ quorum queue DESTINATION.SERVICE
//! reply     default exchange ─▶ quorum queue DESTINATION, gone a day after its asker
//! all of them ─ beyond the delivery limit ─▶ fanout exchange sidegate.dead ─▶ quorum queue sidegate.dead
//! ```
//!
//! Each declaration has a channel of its own, since a refused one ends its channel.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel as AmqpChannel, ExchangeKind};
use parking_lot::Mutex;
use sidegate_broker::{BrokerError, Channel, Subscription};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::error;
use crate::inspect;
use crate::link::Session;
use crate::options::QueueSettings;
use crate::values;

/// The exchange of all events.
pub(crate) const EVENTS: &str = "sidegate.events";
/// Where a message goes that came back more often than the delivery limit allows: an exchange and a queue.
pub(crate) const DEAD: &str = "sidegate.dead";

const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// How many destinations are remembered as made; beyond it they are asked about again.
const KNOWN_MAX: usize = 10_000;

/// What was made on this connection already, or found there.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<CompactString, Arc<OnceCell<()>>>>);

/// Why something could not be declared.
pub(crate) enum Trouble {
    /// A queue of that name has other settings.
    Mismatch {
        queue: CompactString,
        words: String,
        ours: FieldTable,
    },
    Other(BrokerError),
}

/// What somebody needs to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// A command's queue.
    Queue(&'a str),
    /// The exchange of events.
    Events,
}

impl<'a> Place<'a> {
    /// What a sender needs. A reply's place is its asker's business.
    pub(crate) fn of_sender(channel: Channel, destination: &'a str) -> Option<Self> {
        match channel {
            Channel::Command => Some(Self::Queue(destination)),
            Channel::Event => Some(Self::Events),
            Channel::Reply => None,
        }
    }

    fn key(self) -> CompactString {
        match self {
            Self::Queue(name) => format_compact!("queue {name}"),
            Self::Events => "exchange of events".into(),
        }
    }
}

impl Known {
    fn cell(&self, place: Place<'_>) -> Arc<OnceCell<()>> {
        let mut cells = self.0.lock();
        if cells.len() >= KNOWN_MAX {
            cells.clear();
        }
        Arc::clone(cells.entry(place.key()).or_default())
    }

    /// It turned out not to be there.
    pub(crate) fn forget(&self, place: Place<'_>) {
        self.0.lock().remove(&place.key());
    }

    /// A channel was ended by the server: what was thought to be there may not be.
    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
    }
}

/// Once per connection and place.
pub(crate) async fn ensure(session: &Arc<Session>, place: Place<'_>) -> Result<(), BrokerError> {
    let cell = session.known.cell(place);
    cell.get_or_try_init(|| make(session, place)).await.map(|_| ())
}

async fn make(session: &Arc<Session>, place: Place<'_>) -> Result<(), BrokerError> {
    let channel = session.channel().await?;
    let limit = session.config.publish_timeout;
    let settings = &session.config.queues;
    let making = async {
        match place {
            Place::Queue(name) => queue(&channel, settings, name, arguments(settings)).await,
            Place::Events => Ok(exchange(&channel, settings, EVENTS, ExchangeKind::Topic).await?),
        }
    };
    let made = timeout(limit, making).await;
    Session::hang_up(channel);
    match made.map_err(|_| error::no_answer(&format!("declare the {}", place.key()), limit))? {
        Ok(()) => Ok(()),
        Err(trouble) => Err(trouble.explain(session).await),
    }
}

impl Trouble {
    /// The server names one difference; an operator wants to see all of both sides.
    pub(crate) async fn explain(self, session: &Session) -> BrokerError {
        match self {
            Self::Other(error) => error,
            Self::Mismatch { queue, words, ours } => {
                let there =
                    timeout(session.config.publish_timeout, inspect::settings_of(session, &queue)).await;
                let there = there.map_or_else(|_| words.clone(), |settings| inspect::shown(&settings));
                error::mismatch(&queue, &there, &shown(&ours), &words)
            }
        }
    }
}

impl From<BrokerError> for Trouble {
    fn from(error: BrokerError) -> Self {
        Self::Other(error)
    }
}

fn shown(arguments: &FieldTable) -> String {
    let one =
        |(name, value): (&ShortString, &AMQPValue)| format!("{name}={}", values::texts_of(value).join(","));
    arguments.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Makes what a subscriber needs; the name of its queue.
pub(crate) async fn prepare_subscription(
    channel: &AmqpChannel,
    settings: &QueueSettings,
    subscription: &Subscription,
) -> Result<ShortString, Trouble> {
    let name = queue_name(subscription);
    let arguments = match subscription.channel {
        Channel::Reply => reply_arguments(settings),
        Channel::Command | Channel::Event => arguments(settings),
    };
    if subscription.channel == Channel::Event {
        exchange(channel, settings, EVENTS, ExchangeKind::Topic).await?;
    }
    queue(channel, settings, &name, arguments).await?;
    if subscription.channel == Channel::Event && settings.create {
        bind(channel, &name, EVENTS, &subscription.destination).await?;
    }
    Ok(short("queue", &name)?)
}

pub(crate) fn queue_name(subscription: &Subscription) -> CompactString {
    match subscription.channel {
        Channel::Event => format_compact!("{}.{}", subscription.destination, subscription.service),
        Channel::Command | Channel::Reply => subscription.destination.clone(),
    }
}

async fn queue(
    channel: &AmqpChannel,
    settings: &QueueSettings,
    name: &str,
    arguments: FieldTable,
) -> Result<(), Trouble> {
    if settings.create {
        dead_letters(channel, settings).await?;
    }
    declare_queue(channel, settings.create, name, arguments).await
}

async fn declare_queue(
    channel: &AmqpChannel,
    create: bool,
    name: &str,
    ours: FieldTable,
) -> Result<(), Trouble> {
    let options = QueueDeclareOptions { durable: true, passive: !create, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(short("queue", name)?, options, ours.clone()).await;
    declared.map(|_| ()).map_err(|cause| {
        if create && error::has_code(&cause, PRECONDITION_FAILED) {
            return Trouble::Mismatch { queue: name.into(), words: error::words(&cause), ours };
        }
        refused(&format!("queue {name}"), create, &cause).into()
    })
}

async fn exchange(
    channel: &AmqpChannel,
    settings: &QueueSettings,
    name: &str,
    kind: ExchangeKind,
) -> Result<(), BrokerError> {
    let create = settings.create;
    let options =
        ExchangeDeclareOptions { durable: true, passive: !create, ..ExchangeDeclareOptions::default() };
    let declared =
        channel.exchange_declare(short("exchange", name)?, kind, options, FieldTable::default()).await;
    declared.map_err(|cause| refused(&format!("exchange {name}"), create, &cause))
}

async fn bind(channel: &AmqpChannel, queue: &str, exchange: &str, key: &str) -> Result<(), BrokerError> {
    let (queue_name, key) = (short("queue", queue)?, short("routing key", key)?);
    let exchange = short("exchange", exchange)?;
    let bound = channel
        .queue_bind(queue_name, exchange, key, QueueBindOptions::default(), FieldTable::default())
        .await;
    bound.map_err(|cause| error::call(&format!("bind queue {queue}"), &cause))
}

async fn dead_letters(channel: &AmqpChannel, settings: &QueueSettings) -> Result<(), Trouble> {
    exchange(channel, settings, DEAD, ExchangeKind::Fanout).await?;
    declare_queue(channel, true, DEAD, quorum(settings)).await?;
    Ok(bind(channel, DEAD, DEAD, "").await?)
}

fn refused(what: &str, create: bool, cause: &lapin::Error) -> BrokerError {
    if create && error::has_code(cause, PRECONDITION_FAILED) {
        return error::exchange_mismatch(what, &error::words(cause));
    }
    if !create && error::has_code(cause, NOT_FOUND) {
        return error::absent(what);
    }
    error::call(&format!("declare {what}"), cause)
}

/// The library panics at a longer name.
pub(crate) fn short(what: &str, name: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(name).map_err(|_| error::name_too_long(what, name))
}

fn quorum(settings: &QueueSettings) -> FieldTable {
    let mut arguments = FieldTable::default();
    set_text(&mut arguments, "x-queue-type", "quorum");
    set_number(&mut arguments, "x-delivery-limit", u64::from(settings.delivery_limit));
    if let Some(replicas) = settings.replicas {
        set_number(&mut arguments, "x-quorum-initial-group-size", u64::from(replicas));
    }
    arguments
}

/// A message is dead-lettered at least once only where a full queue refuses instead of dropping.
fn arguments(settings: &QueueSettings) -> FieldTable {
    let mut arguments = quorum(settings);
    set_text(&mut arguments, "x-dead-letter-exchange", DEAD);
    set_text(&mut arguments, "x-dead-letter-strategy", "at-least-once");
    set_text(&mut arguments, "x-overflow", "reject-publish");
    if let Some(messages_max) = settings.messages_max {
        set_number(&mut arguments, "x-max-length", messages_max);
    }
    if let Some(bytes_max) = settings.bytes_max {
        set_number(&mut arguments, "x-max-length-bytes", bytes_max);
    }
    arguments
}

fn reply_arguments(settings: &QueueSettings) -> FieldTable {
    let mut arguments = arguments(settings);
    set_number(&mut arguments, "x-expires", settings.reply_expires_ms);
    arguments
}

fn set_text(arguments: &mut FieldTable, name: &'static str, text: &str) {
    arguments.insert(name.into(), AMQPValue::LongString(text.into()));
}

fn set_number(arguments: &mut FieldTable, name: &'static str, number: u64) {
    arguments.insert(name.into(), AMQPValue::LongLongInt(i64::try_from(number).unwrap_or(i64::MAX)));
}
