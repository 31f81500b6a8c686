//! Another go for a parked message, at an operator's word. The service sees the Idempotency-Key it saw before.
//!
//! ```text
//! command, somebody still waits  → the same message again: the operation goes on
//! command, its operation ended   → a new operation (`redrive_of`) with a message of its own
//! event                          → this service alone hears it again: its other listeners have nothing to do with it
//! ```

use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, format_compact};
use sha2::{Digest as _, Sha256};
use sidegate_broker::{
    BoxFuture, BrokerError, Channel, Delivery, Effect, ErrorKind, Message, Outbound, Settle,
};
use sidegate_core::{OperationId, Timestamp};
use sidegate_store::{
    Accepted, Executed, Idempotency, NewOperation, NewParked, ParkedMessage, Request, RequestKind, Store,
};

use super::incoming::Incoming;
use super::settle::tell_progress;
use crate::app::Shared;
use crate::clock;
use crate::exchange::refused;
use crate::names::message;
use crate::respond::{Code, Problem};

/// How long a redriven command may take, and how long its outcome can be asked about.
const DEADLINE_MS: u64 = 30_000;
const RETENTION_MS: u64 = 24 * 3_600_000;

/// What became of a redriven message.
pub enum Redriven {
    /// The same operation goes on.
    GoesOn,
    /// A new operation was made of it.
    NewOperation(OperationId),
    /// The event is delivered again, to this service alone.
    Delivered,
}

/// Gives the message another go and takes it off the shelf.
///
/// # Errors
/// 404 when it is not there (any more); the message stays on the shelf when it could not be sent.
pub async fn redrive(shared: &Arc<Shared>, id: u64) -> Result<Redriven, Problem> {
    let parked = shared.store.parked(id).await.map_err(refused)?.ok_or_else(|| not_there(id))?;
    if parked.parked.event {
        return deliver_again(shared, &parked);
    }
    if somebody_waits(shared, &parked.parked).await? {
        publish_again(shared, once_more(&parked), &parked.parked.broker).await?;
        take_off(&*shared.store, id, parked.parked.parked_at).await.map_err(refused)?;
        return Ok(Redriven::GoesOn);
    }
    let operation = new_operation(shared, &parked).await?;
    shared.store.unpark(id).await.map_err(refused)?;
    Ok(Redriven::NewOperation(operation))
}

/// The problem for a message that is not on the shelf.
#[must_use]
pub fn not_there(id: u64) -> Problem {
    Problem::new(
        Code::ParkedNotFound,
        format!("there is no parked message {id}: it was redriven, discarded or forgotten"),
    )
}

/// A consumer that fails an operation records the last words; one that parks it does not, and its asker waits
/// until the deadline.
async fn somebody_waits(shared: &Shared, parked: &NewParked) -> Result<bool, Problem> {
    let deadline = parked.headers.iter().find(|(name, _)| name == message::DEADLINE);
    let past =
        deadline.and_then(|(_, at)| at.parse::<u64>().ok()).is_some_and(|at| at <= clock::now().unix_ms());
    let known = shared.store.executed(&parked.consumer, &parked.message_id).await.map_err(refused)?;
    Ok(!past && parked.reply_to.is_some() && !matches!(known, Some(Executed::Answered { .. })))
}

async fn publish_again(shared: &Shared, message: Message, broker: &str) -> Result<(), Problem> {
    let link = shared.link(broker)?;
    let message = Arc::new(message);
    let outbound = Outbound {
        channel: Channel::Command,
        message: Arc::clone(&message),
        durable: true,
        expires_at_ms: None,
    };
    link.publish(outbound).await.map_err(|error| {
        Problem::new(
            Code::BrokerUnavailable,
            format!("the message stays parked, the broker did not take it: {error}"),
        )
    })?;
    tell_progress(&link, &Incoming::read(&message), message::RESUMED).await;
    Ok(())
}

/// The message under an id of its own: a broker that remembers ids would drop it as published before. Its answer and
/// the service know it by the old one.
fn once_more(shelved: &ParkedMessage) -> Message {
    let mut again = to_message(&shelved.parked);
    let first = again.id.clone();
    if first.is_empty() {
        return again;
    }
    again.id = format_compact!("{first}.redrive.{}.{}", shelved.id, shelved.parked.parked_at.unix_ms());
    again.correlation_id.get_or_insert_with(|| first.clone());
    if again.header(message::IDEMPOTENCY_KEY).is_none() {
        again.headers.push((message::IDEMPOTENCY_KEY.into(), first));
    }
    again
}

fn to_message(parked: &NewParked) -> Message {
    Message {
        id: parked.message_id.clone(),
        destination: parked.destination.clone(),
        key: parked.key.clone(),
        correlation_id: parked.correlation_id.clone(),
        reply_to: parked.reply_to.clone(),
        content_type: parked.content_type.clone(),
        headers: parked.headers.clone(),
        body: parked.body.clone(),
    }
}

async fn new_operation(shared: &Shared, shelved: &ParkedMessage) -> Result<OperationId, Problem> {
    let (id, now, parked) = (shared.new_id(), clock::now(), &shelved.parked);
    let header = |name: &str| parked.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let mut headers: Vec<_> =
        parked.headers.iter().filter(|(name, _)| !message::ALL.contains(&name.as_str())).cloned().collect();
    let idempotency_key = header(message::IDEMPOTENCY_KEY).unwrap_or_else(|| parked.message_id.clone());
    headers.push((message::IDEMPOTENCY_KEY.into(), idempotency_key));
    if let Some(content_type) = &parked.content_type {
        headers.push(("content-type".into(), content_type.clone()));
    }
    let request = Request {
        kind: RequestKind::Send,
        lane: format_compact!("broker/{}", parked.broker),
        target: parked.destination.clone(),
        key: parked.key.clone(),
        method: header(message::METHOD).unwrap_or_else(|| "POST".into()),
        path: header(message::PATH).unwrap_or_else(|| "/".into()),
        headers,
        body: parked.body.clone(),
    };
    let operation = header(message::OPERATION);
    let new = NewOperation {
        id,
        route: format_compact!("redrive:{}", parked.consumer),
        principal: None,
        correlation_id: header(message::CORRELATION).or_else(|| operation.clone()),
        created_at: now,
        deadline: now + DEADLINE_MS,
        retention_ms: RETENTION_MS,
        idempotency: Some(once(shelved)),
        redrive_of: operation.and_then(|id| id.parse().ok()),
        request,
    };
    let lane = new.request.lane.clone();
    match shared.store.accept(vec![new]).await.map_err(refused)?.into_iter().next() {
        Some(Accepted::New(operation) | Accepted::Existing(operation)) => {
            shared.lanes.wake(&lane);
            Ok(operation.id)
        }
        _ => Err(Problem::new(Code::Internal, "the store gave no new operation")),
    }
}

/// What lies on the shelf becomes one new operation, however many operators ask for it at once, and over a crash
/// between accepting it and taking it off the shelf.
fn once(shelved: &ParkedMessage) -> Idempotency {
    let digest = Sha256::new()
        .chain_update(b"redrive:")
        .chain_update(shelved.id.to_be_bytes())
        .chain_update(shelved.parked.parked_at.unix_ms().to_be_bytes());
    let scope = digest.finalize().into();
    Idempotency { scope, fingerprint: scope }
}

/// The event goes to its consumer from the shelf, which takes the place of a broker: it is taken off the shelf when
/// the service did it, and stays when not.
fn deliver_again(shared: &Arc<Shared>, parked: &ParkedMessage) -> Result<Redriven, Problem> {
    let name: CompactString = parked.parked.consumer.clone();
    let consumer = shared.consumers.list().into_iter().find(|consumer| consumer.settings.name == name);
    let consumer = consumer.ok_or_else(|| {
        Problem::new(
            Code::ParkedNotFound,
            format!("the config has no consumer `{name}` any more: discard the message or add it again"),
        )
    })?;
    let message = Arc::new(to_message(&parked.parked));
    let shelf = Shelf { store: Arc::clone(&shared.store), id: parked.id, parked_at: parked.parked.parked_at };
    let delivery = Delivery::new(message, 1, Box::new(shelf));
    let (shared, redriving) = (Arc::clone(shared), Arc::clone(&consumer));
    tokio::spawn(async move { super::consumer::handle_now(&shared, &redriving, delivery).await });
    Ok(Redriven::Delivered)
}

/// Settles a delivery that came from the shelf. A retry leaves it there for the operator.
struct Shelf {
    store: Arc<dyn Store>,
    id: u64,
    parked_at: Timestamp,
}

/// A message that fails again is parked anew, in the same place, and may be so already: that one is not taken off.
async fn take_off(store: &dyn Store, id: u64, parked_at: Timestamp) -> sidegate_store::Result<()> {
    let now = store.parked(id).await?;
    if now.is_some_and(|now| now.parked.parked_at == parked_at) {
        store.unpark(id).await?;
    }
    Ok(())
}

impl Settle for Shelf {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async move {
            take_off(&*self.store, self.id, self.parked_at).await.map_err(|error| {
                BrokerError::new(ErrorKind::Unexpected, Effect::NotApplied, error.to_string())
                    .with_source(error)
            })
        })
    }

    fn retry(&mut self, _after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async { Ok(()) })
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.ack()
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(async { Ok(()) })
    }

    fn abandon(&mut self) {}
}
