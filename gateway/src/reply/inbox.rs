//! Reads the gateway's reply destination on one broker. What has a record is recorded, and the reply is settled
//! after the commit; many replies share one commit.

use std::sync::Arc;

use futures_util::FutureExt as _;
use sidegate_broker::{Channel, Delivery, Inbox, Subscription};
use sidegate_core::OperationId;
use sidegate_core::operation::Event;
use sidegate_store::Applied;

use super::{Reply, read};
use crate::app::{Link, Shared};
use crate::settle::ack;

/// So many replies are recorded in one commit at most.
const BATCH_MAX: usize = 256;

/// Subscribes and reads until the broker is closed.
pub async fn run(shared: Arc<Shared>, link: Arc<Link>) {
    let subscription = Subscription {
        channel: Channel::Reply,
        destination: link.reply_to.clone(),
        service: shared.gateway.name.clone(),
        prefetch: BATCH_MAX * 4,
    };
    let mut inbox = link.subscribe(subscription).await;
    link.hear();
    read_all(&shared, &link, &mut *inbox).await;
}

async fn read_all(shared: &Shared, link: &Link, inbox: &mut dyn Inbox) {
    while let Some(first) = inbox.next().await {
        let mut batch = Vec::with_capacity(8);
        let mut next = Some(first);
        while let Some(delivery) = next {
            if let Some(recordable) = tell_waiter(shared, link, delivery).await {
                batch.push(recordable);
            }
            next = if batch.len() < BATCH_MAX { inbox.next().now_or_never().flatten() } else { None };
        }
        if !batch.is_empty() {
            record(shared, link, batch).await;
        }
    }
}

/// `None` when somebody without a record waited for it, or nobody can.
async fn tell_waiter(
    shared: &Shared,
    link: &Link,
    delivery: Delivery,
) -> Option<(Delivery, OperationId, Event)> {
    let id = delivery.message.correlation_id.as_deref().and_then(|id| id.parse::<OperationId>().ok());
    let Some(id) = id else {
        link.metrics.reply(false);
        tracing::debug!(broker = %link.name, message = %delivery.message.id, "a reply matches no request of ours");
        ack(delivery).await;
        return None;
    };
    let event = match read(&delivery.message) {
        Reply::Progress(event) => Some(event),
        Reply::Answer(answer) => shared.waiters.answer(id, answer).err().map(Event::Answered),
        Reply::Undelivered(answer) => {
            let _ = shared.waiters.answer(id, answer);
            None
        }
        Reply::Expired(answer) => shared.waiters.answer(id, answer).err().map(|_| Event::DeadlinePassed),
    };
    let Some(event) = event else {
        link.metrics.reply(true);
        ack(delivery).await;
        return None;
    };
    Some((delivery, id, event))
}

/// Records and settles. While the store refuses, the replies stay unsettled and intake waits with them.
async fn record(shared: &Shared, link: &Link, batch: Vec<(Delivery, OperationId, Event)>) {
    let (deliveries, events): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|(d, id, event)| (d, (id, event))).unzip();
    let Some(applied) = shared.record(events).await else { return };
    for result in &applied {
        link.metrics.reply(!matches!(result, Applied::Unknown));
    }
    futures_util::future::join_all(deliveries.into_iter().map(ack)).await;
}
