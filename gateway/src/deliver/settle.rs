//! The end of a delivery: record, reply, settle, in this order.

use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, format_compact};
use sidegate_broker::{BrokerError, Channel, Delivery, ErrorKind, Message, Outbound};
use sidegate_config::settings::{Exhausted, Source};
use sidegate_core::{Answer, Timestamp};
use sidegate_store::{Executed, InboxRecord, NewParked};

use super::consumer::Consumer;
use super::incoming::Incoming;
use crate::app::{Link, Shared};
use crate::attempt::exhausted;
use crate::clock;
use crate::names::message;
use crate::respond::{Code, Problem};
use crate::settle::{ack, give_back};
use crate::status::as_answer;

/// A message given back because of a fault of ours, not of the service, comes again after this.
const OUR_FAULT_PAUSE: Duration = Duration::from_secs(1);
/// How long a parked message stays on the shelf.
const SHELF_LIFE_MS: u64 = 30 * 24 * 3_600_000;
/// How long the way back is kept for a worker that answers later, where the message has no deadline.
const AWAITING_MS: u64 = 24 * 3_600_000;

/// Somebody already waits no longer: not executed, answered as timed out.
pub(super) async fn expired(consumer: &Consumer, delivery: Delivery) {
    consumer.metrics.expired();
    tracing::debug!(consumer = %consumer.settings.name, message = %delivery.message.id, "a message came after its deadline");
    let problem =
        Problem::new(Code::DeadlineExceeded, "the message came after its deadline and was not executed");
    let received = Arc::clone(&delivery.message);
    let incoming = Incoming::read(&received);
    let mut answer = as_answer(&problem);
    if incoming.from_gateway {
        answer.headers.push((message::PROGRESS.into(), message::EXPIRED.into()));
    }
    answer_and_ack(consumer, delivery, &incoming, answer).await;
}

/// The service has answered for good.
pub(super) async fn answered(shared: &Shared, consumer: &Consumer, delivery: Delivery, answer: Answer) {
    let message = Arc::clone(&delivery.message);
    let incoming = Incoming::read(&message);
    if consumer.is_event() && !answer.is_success() {
        let reason = format!("the service answered {}: a definite no", answer.status);
        return park_and_ack(shared, consumer, delivery, reason, Some(answer)).await;
    }
    match remember(shared, consumer, &incoming, answer, false).await {
        Some(answer) => answer_and_ack(consumer, delivery, &incoming, answer).await,
        None => give_back(delivery, OUR_FAULT_PAUSE).await,
    }
}

/// The service will answer at its `Outcome-Url`: the way back is kept. An outcome that was faster ends it here.
pub(super) async fn later(shared: &Shared, consumer: &Consumer, delivery: Delivery) {
    let message = Arc::clone(&delivery.message);
    let incoming = Incoming::read(&message);
    if incoming.operation_id.is_empty() {
        return answered(shared, consumer, delivery, Answer::empty(202)).await;
    }
    let now = clock::now();
    let awaiting = Executed::Awaiting {
        broker: consumer.link.name.clone(),
        reply_to: message.reply_to.clone(),
        correlation_id: message.correlation_id.clone(),
        deadline: incoming.deadline,
    };
    let kept_until = incoming.deadline.map_or(now + AWAITING_MS, |deadline| deadline + 60_000);
    let record = inbox_record(consumer, &incoming, awaiting, kept_until.max(now + consumer.inbox_ms()));
    if shared.record_execution(record).await.is_none() {
        return give_back(delivery, OUR_FAULT_PAUSE).await;
    }
    match super::outcome::early(shared, &incoming.operation_id).await {
        Some(answer) => answered(shared, consumer, delivery, answer).await,
        None => {
            tell_progress(&consumer.link, &incoming, message::RUNNING).await;
            ack(delivery).await;
        }
    }
}

/// Not done, or not known: again after a pause, or, when attempts ran out, what `exhausted` says.
pub(super) async fn again(
    shared: &Shared,
    consumer: &Consumer,
    delivery: Delivery,
    after: Option<Duration>,
    reason: String,
    answer: Option<Answer>,
) {
    let attempt = delivery.attempt;
    let pause = consumer.settings.retry.pause_after_ms(attempt, fastrand::f64());
    if let Some(pause_ms) = pause {
        tracing::debug!(consumer = %consumer.settings.name, message = %delivery.message.id, attempt, reason, "a delivery will be tried again");
        return give_back(delivery, after.unwrap_or(Duration::from_millis(pause_ms))).await;
    }
    let message = Arc::clone(&delivery.message);
    let incoming = Incoming::read(&message);
    tracing::warn!(
        consumer = %consumer.settings.name,
        operation = %incoming.operation_id,
        attempts = attempt,
        reason,
        "attempts ran out: the message is parked"
    );
    if !park(shared, consumer, &delivery, &reason, answer.clone()).await {
        return give_back(delivery, OUR_FAULT_PAUSE).await;
    }
    if consumer.is_event() || consumer.settings.exhausted == Exhausted::Park {
        tell_progress(&consumer.link, &incoming, message::PARKED).await;
        return ack(delivery).await;
    }
    let last_words = exhausted(attempt, &reason, answer.as_ref());
    match remember(shared, consumer, &incoming, last_words, true).await {
        Some(answer) => answer_and_ack(consumer, delivery, &incoming, answer).await,
        None => give_back(delivery, OUR_FAULT_PAUSE).await,
    }
}

/// Records the answer; the one that stands, if another was first. `None`: it could not be stored.
async fn remember(
    shared: &Shared,
    consumer: &Consumer,
    incoming: &Incoming<'_>,
    answer: Answer,
    exhausted: bool,
) -> Option<Answer> {
    if consumer.settings.inbox.is_none() || !incoming.can_be_remembered() {
        return Some(answer);
    }
    let expires_at = clock::now() + consumer.inbox_ms();
    let record = inbox_record(
        consumer,
        incoming,
        Executed::Answered { answer: answer.clone(), exhausted },
        expires_at,
    );
    match shared.record_execution(record).await? {
        Executed::Answered { answer, .. } => Some(answer),
        Executed::Awaiting { .. } => Some(answer),
    }
}

fn inbox_record(
    consumer: &Consumer,
    incoming: &Incoming<'_>,
    executed: Executed,
    expires_at: Timestamp,
) -> InboxRecord {
    InboxRecord {
        consumer: consumer.settings.name.clone(),
        message_id: incoming.message.id.clone(),
        operation_id: incoming.operation_id.clone(),
        executed,
        expires_at,
    }
}

/// Replies, if anybody asked for it, and settles.
pub(super) async fn answer_and_ack(
    consumer: &Consumer,
    delivery: Delivery,
    incoming: &Incoming<'_>,
    answer: Answer,
) {
    if let Some(asker) = Asker::of(incoming.message)
        && !consumer.is_event()
        && let Err(error) = publish_reply(&consumer.link, asker.reply(answer), incoming.durable).await
    {
        // Only a definite no ends it: a gateway that is being closed must not settle what it could not answer.
        if !matches!(error.kind, ErrorKind::Rejected | ErrorKind::TooLarge) {
            tracing::warn!(broker = %consumer.link.name, operation = %incoming.operation_id, error = %error, "an answer could not be sent and will be sent again");
            return give_back(delivery, OUR_FAULT_PAUSE).await;
        }
        tracing::warn!(broker = %consumer.link.name, operation = %incoming.operation_id, error = %error, "an answer cannot be delivered: the broker refused it for good");
    }
    ack(delivery).await;
}

/// Who asked, as far as an answer needs it.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Where the answer goes.
    pub reply_to: &'a str,
    /// The message's id; empty when a foreign asker gave none.
    pub message_id: &'a str,
    /// What the answer must carry, where that is not the message's id.
    pub correlation_id: Option<&'a str>,
}

impl<'a> Asker<'a> {
    /// `None` when nobody waits for an answer.
    #[must_use]
    pub fn of(message: &'a Message) -> Option<Self> {
        Some(Self {
            reply_to: message.reply_to.as_deref()?,
            message_id: &message.id,
            correlation_id: message.correlation_id.as_deref(),
        })
    }

    /// The answer as a message: a body, a status, and the service's end-to-end headers. The same answer again has the
    /// same message id, as far as the message it answers has one.
    #[must_use]
    pub fn reply(self, answer: Answer) -> Message {
        let mut reply = self.message("reply", answer.body);
        reply.headers.reserve(answer.headers.len() + 1);
        reply.headers.push((message::STATUS.into(), format_compact!("{}", answer.status)));
        for (name, value) in answer.headers {
            if name == "content-type" {
                reply.content_type = Some(value);
            } else {
                reply.headers.push((name, value));
            }
        }
        reply
    }

    /// How far it got. It may be told more than once, each time as a message of its own.
    fn progress(self, word: &str) -> Message {
        let kind = format_compact!("{word}.{:08x}", fastrand::u32(..));
        let mut progress = self.message(&kind, bytes::Bytes::new());
        progress.headers.push((message::PROGRESS.into(), word.into()));
        progress
    }

    fn message(self, kind: &str, body: bytes::Bytes) -> Message {
        let id = match self.message_id {
            "" => format_compact!("{:032x}.{kind}", fastrand::u128(..)),
            id => format_compact!("{id}.{kind}"),
        };
        let mut message = Message::new(id, self.reply_to, body);
        let correlation_id = self.correlation_id.unwrap_or(self.message_id);
        message.correlation_id = (!correlation_id.is_empty()).then(|| correlation_id.into());
        message
    }
}

/// Hands a reply to the broker.
pub(super) async fn publish_reply(link: &Link, reply: Message, durable: bool) -> Result<(), BrokerError> {
    let outbound =
        Outbound { channel: Channel::Reply, message: Arc::new(reply), durable, expires_at_ms: None };
    link.publish(outbound).await
}

/// Between gateways: how far it got. Nobody depends on it, so a failure is only noted.
pub(super) async fn tell_progress(link: &Link, incoming: &Incoming<'_>, progress: &str) {
    let Some(asker) = Asker::of(incoming.message).filter(|_| incoming.from_gateway) else { return };
    if let Err(error) = publish_reply(link, asker.progress(progress), incoming.durable).await {
        tracing::debug!(error = %error, operation = %incoming.operation_id, "progress could not be told");
    }
}

async fn park_and_ack(
    shared: &Shared,
    consumer: &Consumer,
    delivery: Delivery,
    reason: String,
    answer: Option<Answer>,
) {
    if park(shared, consumer, &delivery, &reason, answer).await {
        ack(delivery).await;
    } else {
        give_back(delivery, OUR_FAULT_PAUSE).await;
    }
}

/// Sets the message aside; `false` when it could not be stored.
async fn park(
    shared: &Shared,
    consumer: &Consumer,
    delivery: &Delivery,
    reason: &str,
    last_answer: Option<Answer>,
) -> bool {
    let (message, now) = (&delivery.message, clock::now());
    let parked = NewParked {
        consumer: consumer.settings.name.clone(),
        broker: consumer.link.name.clone(),
        destination: CompactString::from(consumer.settings.source.destination()),
        event: matches!(consumer.settings.source, Source::Subscribe(_)),
        message_id: message.id.clone(),
        key: message.key.clone(),
        reply_to: message.reply_to.clone(),
        correlation_id: message.correlation_id.clone(),
        content_type: message.content_type.clone(),
        headers: message.headers.clone(),
        body: message.body.clone(),
        reason: reason.to_owned(),
        last_answer,
        attempts: delivery.attempt,
        parked_at: now,
        expires_at: now + SHELF_LIFE_MS,
    };
    consumer.metrics.parked();
    shared.park(parked).await
}
