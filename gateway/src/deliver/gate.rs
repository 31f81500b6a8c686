//! When a consumer takes no messages: its service is not well, or its calls fail in a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;
use sidegate_config::settings;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::app::Shared;
use crate::body::Body;

/// Open while both the health check and the breaker say so.
pub(super) struct Gate {
    breaker: Option<settings::Breaker>,
    well: AtomicBool,
    failures_in_a_row: AtomicU32,
    closed_until: Mutex<Option<Instant>>,
    opened: Notify,
}

impl Gate {
    /// With a health check the gate is closed until the first good answer.
    pub(super) fn new(consumer: &settings::Consumer) -> Self {
        Self {
            breaker: consumer.breaker.clone(),
            well: AtomicBool::new(consumer.health.is_none()),
            failures_in_a_row: AtomicU32::new(0),
            closed_until: Mutex::new(None),
            opened: Notify::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.well.load(Ordering::Acquire)
            && self.closed_until.lock().is_none_or(|until| until <= Instant::now())
    }

    /// Waits until messages may be taken.
    pub(super) async fn opened(&self) {
        loop {
            let opened = self.opened.notified();
            if !self.well.load(Ordering::Acquire) {
                opened.await;
                continue;
            }
            let until = *self.closed_until.lock();
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Tells the breaker how a call went.
    pub(super) fn called(&self, consumer: &str, well: bool) {
        let Some(breaker) = &self.breaker else { return };
        if well {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            return;
        }
        let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= breaker.failures {
            self.failures_in_a_row.store(0, Ordering::Relaxed);
            *self.closed_until.lock() = Some(Instant::now() + breaker.pause);
            tracing::warn!(
                consumer,
                failures,
                pause_s = breaker.pause.as_secs_f64(),
                "the breaker opened: no messages are taken during the pause"
            );
        }
    }

    fn set_well(&self, consumer: &str, well: bool) {
        if self.well.swap(well, Ordering::AcqRel) != well {
            if well {
                tracing::info!(consumer, "the service is well: messages are taken");
                self.opened.notify_waiters();
            } else {
                tracing::warn!(consumer, "the service is not well: no messages are taken");
            }
        }
    }
}

/// Asks the service how it is until the consumer ends.
pub(super) async fn watch_health(
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    check: settings::HealthCheck,
    consumer: Arc<settings::Consumer>,
) {
    let mut failures = 0;
    loop {
        if is_well(&shared, &check).await {
            failures = 0;
            gate.set_well(&consumer.name, true);
        } else {
            failures += 1;
            if failures >= check.failures {
                gate.set_well(&consumer.name, false);
            }
        }
        tokio::time::sleep(check.every).await;
    }
}

async fn is_well(shared: &Shared, check: &settings::HealthCheck) -> bool {
    const ANSWER_BYTES_MAX: usize = 64 * 1024;
    let deadline = Instant::now() + check.every;
    let mut request = http::Request::new(Body::empty());
    let method = check.call.method.as_literal().and_then(|method| method.parse().ok());
    let path = check.call.path.as_literal().and_then(|path| path.parse().ok());
    let (Some(method), Some(path)) = (method, path) else { return false };
    *request.method_mut() = method;
    *request.uri_mut() = path;
    match shared.calls.request(&check.call.authority, request, deadline).await {
        Ok(response) => {
            let well = response.status().is_success();
            let _ = response.into_body().collect_bounded(ANSWER_BYTES_MAX, deadline).await;
            well
        }
        Err(_) => false,
    }
}
