//! The clockwork: deadlines that passed, records that expired, and this replica's lease.
//!
//! Deadlines are rows; the timer here is only a cache of the next one. A gateway that was down finds what is overdue
//! when it starts.

use std::sync::Arc;
use std::time::Duration;

use sidegate_core::operation::Event;

use crate::app::{Link, Shared};
use crate::clock;

/// So many overdue operations end in one commit.
const OVERDUE_MAX: usize = 256;
/// New deadlines show at least so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many expired rows are forgotten in one bite.
const SWEEP_MAX: usize = 200;
/// How brokers are is looked at so often; `/brokers` asks them itself.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// When there is nothing to forget, this is looked at so often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The pause after the first bite of many. Each further one is half as long, down to the shortest, so that forgetting
/// keeps up with whatever is accepted, and takes no more of the store than it needs.
const SWEEP_PAUSE_FIRST: Duration = Duration::from_millis(64);
const SWEEP_PAUSE_MIN: Duration = Duration::from_millis(2);

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
    let mut pause = SWEEP_EVERY;
    loop {
        let forgotten = match shared.store.sweep(clock::now(), SWEEP_MAX).await {
            Ok(forgotten) => forgotten,
            Err(error) => {
                tracing::warn!(error = %error, "expired records cannot be removed yet");
                0
            }
        };
        pause = pause_after(forgotten, pause);
        tokio::time::sleep(pause).await;
    }
}

fn pause_after(forgotten: usize, before: Duration) -> Duration {
    if forgotten < SWEEP_MAX { SWEEP_EVERY } else { (before / 2).clamp(SWEEP_PAUSE_MIN, SWEEP_PAUSE_FIRST) }
}

/// Asks a broker how it is, until the task is ended.
pub async fn watch_broker(link: Arc<Link>) {
    loop {
        link.look().await;
        tokio::time::sleep(WATCH_EVERY).await;
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

#[cfg(test)]
mod tests {
    use super::{SWEEP_EVERY, SWEEP_MAX, SWEEP_PAUSE_FIRST, SWEEP_PAUSE_MIN, pause_after};

    #[test]
    fn forgetting_gets_faster_while_there_is_more_and_rests_when_there_is_not() {
        let mut pause = pause_after(SWEEP_MAX, SWEEP_EVERY);
        assert_eq!(pause, SWEEP_PAUSE_FIRST, "the first bites are far apart");
        for _ in 0..10 {
            pause = pause_after(SWEEP_MAX, pause);
        }
        assert_eq!(pause, SWEEP_PAUSE_MIN, "it keeps up with any load, and leaves room between two bites");
        assert_eq!(pause_after(SWEEP_MAX - 1, pause), SWEEP_EVERY, "nothing is left");
    }
}
