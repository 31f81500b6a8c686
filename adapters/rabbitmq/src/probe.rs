//! What an operator should know: whether the broker takes messages, how much waits, and which settings weaken a
//! promise.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use sidegate_broker::{BrokerError, Health};

use crate::error;
use crate::inspect::{self, Setting};
use crate::link::{Link, Session};
use crate::options::QueueSettings;
use crate::topology;
use crate::version::{self, Server};

/// The longest that a probe takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);
/// Below it a message that fails for an hour is likely to be dropped or dead-lettered behind the gateway's back.
const DELIVERY_LIMIT_MIN: u32 = 1_000;

pub(crate) async fn probe(link: &Link, queues: &[CompactString]) -> Health {
    let mut health = Health { problem: None, warnings: Vec::new(), waiting: Vec::new() };
    match link.session().await {
        Ok(session) => look(&session, queues, &mut health).await,
        Err(error) => health.problem = Some(error.to_string()),
    }
    health
}

async fn look(session: &Arc<Session>, queues: &[CompactString], health: &mut Health) {
    if let Some(reason) = session.blocked() {
        health.problem = Some(error::blocked(&reason).to_string());
        return;
    }
    let settings = &session.config.queues;
    health.warnings.extend(warnings(settings));
    let server = session.server.get_or_init(|| version::ask(&session.config)).await;
    health.warnings.extend(server.as_ref().and_then(Server::warning));
    if let Err(error) = session.channel().await.map(Session::hang_up) {
        health.problem = Some(error.to_string());
        return;
    }
    for queue in queues {
        match waiting(session, queue).await {
            Ok(messages) => health.waiting.push((queue.clone(), messages)),
            Err(error) => health.warnings.push(error.to_string()),
        }
        if !settings.create {
            health.warnings.extend(unlike_ours(session, queue).await);
        }
    }
}

fn warnings(settings: &QueueSettings) -> Vec<String> {
    let mut warnings = Vec::new();
    if settings.delivery_limit < DELIVERY_LIMIT_MIN {
        let limit = settings.delivery_limit;
        warnings.push(format!(
            "delivery_limit is {limit}: a message that comes back more often goes to {} behind the gateway's back; \
             leave it out",
            topology::DEAD
        ));
    }
    if settings.replicas == Some(1) {
        warnings.push("replicas is 1: a queue is lost with its node; set 3 or 5 on a cluster".to_owned());
    }
    warnings
}

async fn waiting(session: &Arc<Session>, queue: &str) -> Result<u64, BrokerError> {
    let name = topology::short("queue", queue)?;
    let channel = session.channel().await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(name, options, FieldTable::default()).await;
    Session::hang_up(channel);
    let declared = declared.map_err(|cause| error::call(&format!("look at queue {queue}"), &cause))?;
    Ok(u64::from(declared.message_count()))
}

/// What of a queue that somebody else made weakens a promise.
async fn unlike_ours(session: &Session, queue: &str) -> Vec<String> {
    judge(queue, &inspect::settings_of(session, queue).await)
}

fn judge(queue: &str, settings: &[Setting]) -> Vec<String> {
    let is = |name: &str| {
        settings.iter().find(|setting| setting.name == name).map(|setting| setting.value.as_str())
    };
    let mut warnings = Vec::new();
    if is("durable") == Some("false") {
        warnings.push(format!(
            "queue {queue} is not durable: its messages are lost with the broker; make it durable"
        ));
    }
    if is("x-queue-type").is_none_or(|kind| kind == "classic") {
        warnings.push(format!("queue {queue} is a classic queue, on one node only: make it a quorum queue"));
    }
    let limit = is("x-delivery-limit").and_then(|limit| limit.parse::<u32>().ok());
    if limit.is_some_and(|limit| limit < DELIVERY_LIMIT_MIN) {
        let limit = limit.unwrap_or_default();
        warnings.push(format!(
            "queue {queue} has a delivery limit of {limit}: the gateway's attempts may not be reached"
        ));
    }
    if is("x-dead-letter-exchange").is_none() {
        warnings
            .push(format!("queue {queue} has no dead-letter exchange: what passes its limits is dropped"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::{Setting, judge};

    #[test]
    fn a_classic_queue_is_warned_about_and_a_good_one_is_not() {
        let warnings = judge("q", &[]);
        assert!(warnings.iter().any(|warning| warning.contains("classic")), "{warnings:?}");
        let set = |name: &str, value: &str| Setting { name: name.to_owned(), value: value.to_owned() };
        let good = judge("q", &[set("x-queue-type", "quorum"), set("x-dead-letter-exchange", "dead")]);
        assert!(good.is_empty(), "nothing to say about it: {good:?}");
    }
}
