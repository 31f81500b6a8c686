//! One consumer: takes messages while its gate is open, as many at once as `concurrency` says, and calls.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{Channel, Delivery, Inbox, Subscription};
use sidegate_config::settings;
use sidegate_core::template::RenderError;
use sidegate_store::Executed;
use tokio::sync::watch;
use tokio::time::Instant;

use super::crew::Crew;
use super::gate::{Gate, watch_health};
use super::incoming::{Incoming, MessageValues};
use super::settle;
use crate::app::{Link, Shared};
use crate::attempt::{Call, Identity, Verdict, attempt};
use crate::clock;
use crate::json::LazyBody;
use crate::names::message;
use crate::observe::{CallResult, ConsumerMetrics};
use crate::panics::caught;
use crate::settle::{ack, give_back};
use crate::tokens::Answers;

/// A duplicate of a message that is being executed is looked at again after this.
const DUPLICATE_PAUSE: Duration = Duration::from_millis(200);
/// A broker that is there is connected to by then; until then it may only seem to be away.
const CONNECTING_MAX: Duration = Duration::from_secs(3);
/// No start takes longer.
const STARTING_MAX: Duration = Duration::from_secs(30);
/// After a panic no other message takes the place for so long.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// A consumer ready to run.
pub struct Consumer {
    /// As the config says.
    pub settings: Arc<settings::Consumer>,
    pub(super) link: Arc<Link>,
    pub(super) metrics: Arc<ConsumerMetrics>,
    pub(super) gate: Arc<Gate>,
    /// Ids of the messages that are being executed.
    executing: Mutex<HashSet<CompactString>>,
    began: Instant,
    has_subscribed: AtomicBool,
}

impl Consumer {
    /// A consumer on a broker.
    #[must_use]
    pub fn new(settings: Arc<settings::Consumer>, link: Arc<Link>, metrics: Arc<ConsumerMetrics>) -> Self {
        let gate = Arc::new(Gate::new(&settings));
        let (began, has_subscribed) = (Instant::now(), AtomicBool::new(false));
        Self { settings, link, metrics, gate, executing: Mutex::default(), began, has_subscribed }
    }

    /// Whether it is about to subscribe for the first time: an event published now would miss it. A broker that is away
    /// or says no is another matter.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        let age = self.began.elapsed();
        let may_come = age < CONNECTING_MAX || (age < STARTING_MAX && self.link.trouble().is_none());
        may_come && !self.has_subscribed.load(Ordering::Acquire)
    }

    /// Whether messages are taken at the moment.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        self.gate.is_open()
    }

    pub(super) fn is_event(&self) -> bool {
        matches!(self.settings.source, settings::Source::Subscribe(_))
    }

    pub(super) fn inbox_ms(&self) -> u64 {
        self.settings.inbox.map_or(0, |inbox| u64::try_from(inbox.as_millis()).unwrap_or(u64::MAX))
    }

    fn subscription(&self, service: &CompactString) -> Subscription {
        Subscription {
            channel: if self.is_event() { Channel::Event } else { Channel::Command },
            destination: self.settings.source.destination().into(),
            service: service.clone(),
            prefetch: self.settings.concurrency,
        }
    }
}

/// Runs a consumer until `stop` turns true; then no more is taken, and what is under way is finished.
pub async fn run(shared: Arc<Shared>, consumer: Arc<Consumer>, mut stop: watch::Receiver<bool>) {
    let health = consumer.settings.health.clone().map(|check| {
        let (shared, gate) = (Arc::clone(&shared), Arc::clone(&consumer.gate));
        tokio::spawn(watch_health(shared, gate, check, Arc::clone(&consumer.settings)))
    });
    let subscribed = tokio::select! {
        inbox = subscribe(&shared, &consumer) => Some(inbox),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    if let Some(inbox) = subscribed {
        Crew::new(shared, consumer, inbox, stop).work().await;
    }
    if let Some(health) = health {
        health.abort();
    }
}

async fn subscribe(shared: &Shared, consumer: &Consumer) -> Box<dyn Inbox> {
    let inbox = consumer.link.subscribe(consumer.subscription(&shared.gateway.name)).await;
    consumer.has_subscribed.store(true, Ordering::Release);
    inbox
}

/// One delivery, whatever the gate says. If that panics, the delivery is dropped with it and comes again; the pause
/// keeps a message that always does so from filling the gateway's time.
pub(super) async fn handle_now(shared: &Shared, consumer: &Consumer, delivery: Delivery) {
    let _running = consumer.metrics.in_flight();
    let message = delivery.message.id.clone();
    if let Err(panic) = caught(handle(shared, consumer, delivery)).await {
        tracing::error!(consumer = %consumer.settings.name, %message, panic, "a message met a bug of the gateway and comes again");
        tokio::time::sleep(PANIC_PAUSE).await;
    }
}

/// One delivery from receipt to settlement.
async fn handle(shared: &Shared, consumer: &Consumer, delivery: Delivery) {
    let message = Arc::clone(&delivery.message);
    let incoming = Incoming::read(&message);
    consumer.metrics.taken(delivery.attempt);
    if incoming.is_past_deadline(clock::now()) && !consumer.is_event() {
        return settle::expired(consumer, delivery).await;
    }
    let Some(_executing) = Executing::claim(consumer, &message.id) else {
        return give_back(delivery, DUPLICATE_PAUSE).await;
    };
    match known(shared, consumer, &incoming).await {
        Known::New => {}
        Known::Answered(answer) => {
            consumer.metrics.answered_from_inbox();
            return settle::answer_and_ack(consumer, delivery, &incoming, answer).await;
        }
        Known::Awaiting => return ack(delivery).await,
        Known::CannotTell => return give_back(delivery, Duration::from_secs(1)).await,
    }
    match call(shared, consumer, &incoming).await {
        Verdict::Done(answer) | Verdict::No(answer) => {
            settle::answered(shared, consumer, delivery, answer).await;
        }
        Verdict::Later => settle::later(shared, consumer, delivery).await,
        Verdict::Again { after, reason, answer, .. } => {
            settle::again(shared, consumer, delivery, after, reason, answer).await;
        }
    }
}

enum Known {
    New,
    Answered(sidegate_core::Answer),
    Awaiting,
    CannotTell,
}

async fn known(shared: &Shared, consumer: &Consumer, incoming: &Incoming<'_>) -> Known {
    if consumer.settings.inbox.is_none() || !incoming.can_be_remembered() {
        return Known::New;
    }
    match shared.store.executed(&consumer.settings.name, &incoming.message.id).await {
        Ok(None) => Known::New,
        Ok(Some(Executed::Answered { answer, .. })) => Known::Answered(answer),
        Ok(Some(Executed::Awaiting { .. })) => Known::Awaiting,
        Err(error) => {
            tracing::warn!(consumer = %consumer.settings.name, error = %error, "the inbox cannot be read");
            Known::CannotTell
        }
    }
}

/// Makes the call and notes how it went. A panic counts as an attempt: a message that always panics ends on the
/// shelf like one that always fails.
async fn call(shared: &Shared, consumer: &Consumer, incoming: &Incoming<'_>) -> Verdict {
    let began = Instant::now();
    let tried = caught(call_service(shared, consumer, incoming, began)).await;
    let verdict = tried.unwrap_or_else(|panic| {
        let message = &incoming.message.id;
        tracing::error!(consumer = %consumer.settings.name, %message, panic, "a call met a bug of the gateway");
        Verdict::failed("the gateway failed: see its log")
    });
    let result = match &verdict {
        Verdict::Done(_) => CallResult::Done,
        Verdict::Later => CallResult::Later,
        Verdict::No(_) => CallResult::DefiniteNo,
        Verdict::Again { timed_out: true, .. } => CallResult::TimedOut,
        Verdict::Again { .. } => CallResult::Retry,
    };
    consumer.metrics.called(result, began.elapsed().as_secs_f64());
    consumer.gate.called(&consumer.settings.name, !matches!(verdict, Verdict::Again { .. }));
    verdict
}

async fn call_service(
    shared: &Shared,
    consumer: &Consumer,
    incoming: &Incoming<'_>,
    began: Instant,
) -> Verdict {
    match render(consumer, incoming) {
        Ok((method, path)) => {
            let left =
                incoming.deadline.map(|deadline| Duration::from_millis(deadline.ms_since(clock::now())));
            let timeout = consumer.settings.timeout.min(left.unwrap_or(Duration::MAX));
            let message = incoming.message;
            let idempotency_key = message.header(message::IDEMPOTENCY_KEY).unwrap_or(&message.id);
            let call = Call {
                authority: &consumer.settings.call.authority,
                method: &method,
                path: &path,
                headers: &message.headers,
                content_type: message.content_type.as_deref(),
                body: message.body.clone(),
                identity: Identity {
                    operation_id: &incoming.operation_id,
                    correlation_id: &incoming.correlation_id,
                    idempotency_key,
                    answers: if consumer.is_event() { Answers::Event } else { Answers::Operation },
                },
                deadline: began + timeout,
                fail_on: &consumer.settings.fail_on,
            };
            attempt(shared, call).await
        }
        Err(error) => Verdict::impossible(format!("the message does not fit the consumer's call: {error}")),
    }
}

fn render(consumer: &Consumer, incoming: &Incoming<'_>) -> Result<(String, String), RenderError> {
    let values = MessageValues { incoming, body: LazyBody::new(&incoming.message.body) };
    Ok((consumer.settings.call.method.render(&values)?, consumer.settings.call.path.render_url(&values)?))
}

/// A message id is executed once at a time.
struct Executing<'a> {
    consumer: &'a Consumer,
    id: CompactString,
}

impl<'a> Executing<'a> {
    /// `None` when a duplicate is being executed. A message without an id cannot be told from others.
    fn claim(consumer: &'a Consumer, id: &CompactString) -> Option<Self> {
        if !id.is_empty() && !consumer.executing.lock().insert(id.clone()) {
            return None;
        }
        Some(Self { consumer, id: id.clone() })
    }
}

impl Drop for Executing<'_> {
    fn drop(&mut self) {
        if !self.id.is_empty() {
            self.consumer.executing.lock().remove(&self.id);
        }
    }
}
