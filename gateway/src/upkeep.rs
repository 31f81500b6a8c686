//! The clockwork: deadlines that passed, records that expired, and this replica's lease.
//!
//! Deadlines are rows; the timer here is only a cache of the next one. A gateway that was down finds what is overdue
//! when it starts.

use std::sync::Arc;
use std::time::Duration;

use sidegate_core::operation::Event;

use crate::app::Shared;
use crate::clock;

/// So many overdue operations end in one commit.
const OVERDUE_MAX: usize = 256;
/// New deadlines show at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many expired rows are forgotten in one bite.
const SWEEP_MAX: usize = 200;
/// While there is more to forget, a bite is taken so often; else once in a while.
const SWEEP_PAUSE: Duration = Duration::from_millis(50);
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Ends operations at their deadlines until the task is ended.
pub async fn keep_deadlines(shared: Arc<Shared>) {
    loop {
        let now = clock::now();
        match shared.store.overdue(now, OVERDUE_MAX).await {
            Ok(overdue) if !overdue.is_empty() => {
                shared.record(overdue.into_iter().map(|id| (id, Event::DeadlinePassed)).collect()).await;
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "cannot look for overdue operations"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Forgets what expired, in small bites, until the task is ended.
pub async fn sweep(shared: Arc<Shared>) {
    loop {
        let forgotten = match shared.store.sweep(clock::now(), SWEEP_MAX).await {
            Ok(forgotten) => forgotten,
            Err(error) => {
                tracing::warn!(error = %error, "expired records cannot be removed yet");
                0
            }
        };
        tokio::time::sleep(if forgotten == 0 { SWEEP_EVERY } else { SWEEP_PAUSE }).await;
    }
}

/// Renews the lease three times in its length, until the task is ended.
pub async fn keep_lease(shared: Arc<Shared>) {
    let lease = shared.gateway.lease;
    let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
    loop {
        let now = clock::now();
        if let Err(error) = shared.store.renew_lease(now, now + lease_ms).await {
            tracing::warn!(error = %error, "the lease could not be renewed");
        }
        tokio::time::sleep(lease / 3).await;
    }
}
