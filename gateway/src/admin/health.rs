//! `/live`: the process answers. `/ready`: new requests can be stored now; why not, if not.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{Response, StatusCode};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::json_response;
use crate::app::Shared;
use crate::body::Body;

/// Asking whether work can be stored writes to the disk: whoever asks within this gets the last answer.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the store said last, and whether the gateway was ready before.
#[derive(Default)]
pub(super) struct Probe {
    last: Mutex<Option<(Instant, Option<String>)>>,
    was_ready: AtomicBool,
}

impl Probe {
    /// Why nothing can be stored, if so.
    async fn trouble(&self, shared: &Shared) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, trouble)) = &*last
            && at.elapsed() < PROBE_EVERY
        {
            return trouble.clone();
        }
        let trouble = shared.store.probe().await.err().map(|error| error.to_string());
        *last = Some((Instant::now(), trouble.clone()));
        trouble
    }
}

pub(super) fn live() -> Response<Body> {
    json_response(StatusCode::OK, &json!({ "live": true }))
}

pub(super) async fn ready(shared: &Shared, probe: &Probe) -> Response<Body> {
    let mut reasons = Vec::new();
    if shared.drain.has_started() {
        reasons.push("the gateway is shutting down".to_owned());
    }
    // A reload's new consumers do not turn a gateway away from its clients.
    if !probe.was_ready.load(Ordering::Relaxed) {
        reasons.extend(starting(shared));
    }
    if let Some(trouble) = probe.trouble(shared).await {
        reasons.push(format!("the store takes nothing: {trouble}"));
    }
    if shared.is_pending_full() {
        reasons.push(
            "as many requests as may wait for their brokers or services: new ones are refused".to_owned(),
        );
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = reasons.is_empty();
    probe.was_ready.fetch_or(ready, Ordering::Relaxed);
    json_response(status, &json!({ "ready": ready, "reasons": reasons, "degraded": degraded(shared) }))
}

/// Consumers about to subscribe for the first time.
fn starting(shared: &Shared) -> Vec<String> {
    let consumers = shared.consumers.list();
    let consumers = consumers.iter().filter(|consumer| consumer.is_starting());
    consumers.map(|consumer| format!("consumer `{}` is about to subscribe", consumer.settings.name)).collect()
}

/// What does not keep requests from being stored, and still is not as it should be.
fn degraded(shared: &Shared) -> Vec<String> {
    let brokers = shared.brokers.values().filter_map(|link| {
        let trouble = link.trouble()?;
        Some(format!("broker `{}` takes no messages, they wait in the store: {trouble}", link.name))
    });
    let consumers = shared.consumers.list();
    let closed = consumers.iter().filter(|consumer| !consumer.takes_messages()).map(|consumer| {
        format!(
            "consumer `{}` takes no messages: its health check or breaker stops it",
            consumer.settings.name
        )
    });
    brokers.chain(closed).collect()
}
