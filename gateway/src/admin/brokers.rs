//! `/brokers`: whether each can be used now, what weakens its promises, and what waits there.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use sidegate_broker::Health;

use crate::app::{Link, Shared};

/// A broker that does not answer within this is told as such; the others are told anyway.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn list(shared: &Shared) -> Value {
    let items = join_all(shared.brokers.values().map(|link| describe(link))).await;
    json!({ "items": items, "next": null })
}

async fn describe(link: &Link) -> Value {
    let health = tokio::time::timeout(PROBE_TIMEOUT, link.broker.probe()).await.unwrap_or_else(|_| silent());
    let problem = health.problem.or_else(|| link.trouble());
    let capabilities = link.broker.capabilities();
    let waiting: serde_json::Map<String, Value> = health
        .waiting
        .iter()
        .map(|(destination, count)| (destination.to_string(), (*count).into()))
        .collect();
    let state = link.broker.state();
    json!({
        "name": link.name,
        "up": problem.is_none(),
        "connected": state.connected,
        "reconnects": state.reconnects,
        "unconfirmed": state.unconfirmed,
        "problem": problem,
        "warnings": health.warnings,
        "waiting": waiting,
        "capabilities": {
            "durable": capabilities.durable,
            "serializes_keys": capabilities.serializes_keys,
            "counts_attempts": capabilities.counts_attempts,
            "delays_retry": capabilities.delays_retry,
            "between_processes": capabilities.between_processes,
            "message_bytes_max": capabilities.message_bytes_max,
        },
    })
}

fn silent() -> Health {
    let problem = format!("no answer within {} s", PROBE_TIMEOUT.as_secs());
    Health { problem: Some(problem), warnings: Vec::new(), waiting: Vec::new() }
}
