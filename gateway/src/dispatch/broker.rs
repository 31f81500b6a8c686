//! The lane of one broker: rounds of reading, publishing and recording.
//!
//! Within a round the messages of one key go out one after the other, all keys at once. What a broker did not
//! confirm stays in the outbox and is published again under the same message id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::join_all;
use sidegate_broker::{ErrorKind, Outbound};
use sidegate_core::operation::Event;
use sidegate_core::{Answer, OperationId, RetrySchedule};
use sidegate_store::{Claimed, RequestKind};

use crate::app::{Link, Shared};
use crate::clock;
use crate::envelope::{Envelope, seal};
use crate::respond::{Code, Problem};
use crate::status::as_answer;

/// So many messages are handed to the broker at once at most.
const ROUND_MAX: usize = 512;
/// Without a hint the outbox is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the lane pauses while its broker cannot be used.
const OUTAGE: RetrySchedule =
    RetrySchedule { attempts: u32::MAX, first_ms: 50, factor: 2.0, max_ms: 5_000, jitter: 0.2 };

/// What became of one message.
enum Fate {
    Done(OperationId, Event),
    /// Still in the outbox, at this place.
    Again(u64),
    /// Its operation ends at its deadline by itself.
    Expired,
}

/// Publishes until the task is ended.
pub(super) async fn run(shared: Arc<Shared>, lane: &str, link: Arc<Link>) {
    let bell = shared.lanes.bell(lane);
    let mut after = 0;
    let mut outages = 0;
    loop {
        let claimed = match shared.store.claimed(lane, after, ROUND_MAX).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %error, lane, "cannot read the outbox");
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
        };
        let Some(last) = claimed.last().map(|claimed| claimed.seq) else {
            let _ = tokio::time::timeout(LOOK_EVERY, bell.notified()).await;
            continue;
        };
        match round(&shared, &link, claimed).await {
            None => (after, outages) = (last, 0),
            Some(failed) => {
                after = failed - 1;
                outages += 1;
                pause(&link, Duration::from_millis(OUTAGE.pause_ms(outages, fastrand::f64()))).await;
            }
        }
    }
}

/// No longer than until replies are heard, where that was the trouble.
async fn pause(link: &Link, pause: Duration) {
    if link.hears() {
        tokio::time::sleep(pause).await;
    } else {
        let _ = tokio::time::timeout(pause, link.heard()).await;
    }
}

/// Publishes and records; the first place that must be tried again, if any.
async fn round(shared: &Shared, link: &Link, claimed: Vec<Claimed>) -> Option<u64> {
    let now = clock::now();
    let fates = join_all(by_key(claimed).into_iter().map(|same_key| async move {
        let mut fates = Vec::with_capacity(same_key.len());
        for claimed in same_key {
            let fate = if claimed.deadline <= now { Fate::Expired } else { publish(link, claimed).await };
            let stop = matches!(fate, Fate::Again(_));
            fates.push(fate);
            if stop {
                break;
            }
        }
        fates
    }))
    .await;
    let mut again = None;
    let mut events = Vec::new();
    for fate in fates.into_iter().flatten() {
        match fate {
            Fate::Done(id, event) => events.push((id, event)),
            Fate::Again(seq) => again = Some(again.map_or(seq, |first: u64| first.min(seq))),
            Fate::Expired => {}
        }
    }
    if !events.is_empty() {
        shared.record(events).await;
    }
    again
}

/// Messages of one key together, in their order; a message without a key stands alone.
fn by_key(claimed: Vec<Claimed>) -> Vec<Vec<Claimed>> {
    let mut groups: Vec<Vec<Claimed>> = Vec::with_capacity(claimed.len());
    let mut group_of: HashMap<CompactString, usize> = HashMap::new();
    for claimed in claimed {
        match &claimed.request.key {
            None => groups.push(vec![claimed]),
            Some(key) => match group_of.get(key) {
                Some(&at) => groups[at].push(claimed),
                None => {
                    group_of.insert(key.clone(), groups.len());
                    groups.push(vec![claimed]);
                }
            },
        }
    }
    groups
}

async fn publish(link: &Link, claimed: Claimed) -> Fate {
    let (seq, id, kind) = (claimed.seq, claimed.operation, claimed.request.kind);
    // Before replies are subscribed to, a broker keeps none for us: a worker that is quick would answer nobody.
    if kind == RequestKind::Send && !link.hears() {
        return Fate::Again(seq);
    }
    let outbound = compose(link, claimed);
    match link.publish(outbound).await {
        Ok(()) if kind == RequestKind::Send => Fate::Done(id, Event::Sent),
        Ok(()) => Fate::Done(id, Event::Answered(Answer::empty(204))),
        Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::TooLarge) => {
            tracing::error!(operation = %id, broker = %link.name, error = %error, "the broker refused a message for good");
            let detail = format!("the broker refused the message: {error}");
            Fate::Done(id, Event::Exhausted(as_answer(&Problem::new(Code::BrokerRejected, detail))))
        }
        Err(error) => {
            tracing::debug!(operation = %id, broker = %link.name, error = %error, "a message will be published again");
            Fate::Again(seq)
        }
    }
}

fn compose(link: &Link, claimed: Claimed) -> Outbound {
    let id = claimed.operation.encode();
    let envelope = Envelope {
        id: id.as_str(),
        correlation_id: claimed.correlation_id,
        reply_to: &link.reply_to,
        deadline_ms: claimed.deadline.unix_ms(),
        durable: true,
    };
    seal(claimed.request, envelope)
}
