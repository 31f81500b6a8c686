//! The lane of one route that calls a service for an operation: a slow service made asynchronous, with retries.

use std::sync::Arc;
use std::time::Duration;

use sidegate_config::settings::{Authority, Target};
use sidegate_core::RetrySchedule;
use sidegate_core::operation::Event;
use sidegate_store::{Applied, Claimed};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::app::Shared;
use crate::attempt::{Call, Identity, Verdict, attempt, exhausted};
use crate::clock;
use crate::panics::caught;
use crate::tokens::Answers;

/// Calls of one route at once.
const CALLS_MAX: usize = 64;
/// Without a hint the outbox is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a route says of its calls; for a route that the config no longer has, the defaults.
struct Policy {
    retry: RetrySchedule,
    fail_on: Vec<u16>,
    call_timeout: Duration,
}

impl Policy {
    fn of(shared: &Shared, route: &str) -> Self {
        let table = shared.routes.load();
        let target =
            table.routes().iter().find(|r| r.settings.name == route).map(|r| r.settings.target.clone());
        match target {
            Some(Target::Call { retry, fail_on, call_timeout, .. }) => Self { retry, fail_on, call_timeout },
            _ => Self {
                retry: RetrySchedule::DEFAULT,
                fail_on: vec![400, 401, 403, 404, 405, 409, 410, 422],
                call_timeout: Duration::from_secs(10),
            },
        }
    }
}

/// Calls until the task is ended.
pub(super) async fn run(shared: Arc<Shared>, lane: &str, route: &str) {
    let bell = shared.lanes.bell(lane);
    let free = Arc::new(Semaphore::new(CALLS_MAX));
    let mut after = 0;
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match shared.store.claimed(lane, after, 1).await.as_deref() {
            Ok([claimed]) => {
                after = claimed.seq;
                let (shared, claimed, policy) =
                    (Arc::clone(&shared), claimed.clone(), Policy::of(&shared, route));
                tokio::spawn(async move {
                    carry_out(&shared, &claimed, &policy).await;
                    drop(permit);
                });
            }
            Ok(_) => {
                let _ = tokio::time::timeout(LOOK_EVERY, bell.notified()).await;
            }
            Err(error) => {
                tracing::warn!(error = %error, lane, "cannot read the outbox");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// Tries until the operation has ended: by an answer, or because it was cancelled or its time is up. What is under way
/// then, a call or a pause before the next, is dropped.
async fn carry_out(shared: &Shared, claimed: &Claimed, policy: &Policy) {
    let mut watch = shared.outcomes.watch(claimed.operation);
    let ended = async { while !watch.changed().await.operation.state.status.is_end() {} };
    let tried = tokio::select! {
        tried = caught(try_until_answered(shared, claimed, policy)) => tried,
        () = ended => Ok(()),
    };
    if let Err(panic) = tried {
        tracing::error!(operation = %claimed.operation, panic, "a call met a bug of the gateway: it is made again at the next start");
    }
}

/// Tries until the service answered or attempts ran out.
async fn try_until_answered(shared: &Shared, claimed: &Claimed, policy: &Policy) {
    let mut attempts = claimed.attempts;
    while clock::now() < claimed.deadline {
        attempts += 1;
        if !may_start(shared, claimed).await {
            return;
        }
        let event = match try_once(shared, claimed, policy).await {
            Verdict::Done(answer) | Verdict::No(answer) => Event::Answered(answer),
            // The service has it: the request is not needed any more, and not made again after a restart.
            Verdict::Later => Event::Sent,
            Verdict::Again { after, reason, answer, .. } => {
                match policy.retry.pause_after_ms(attempts, fastrand::f64()) {
                    Some(pause_ms) => {
                        tracing::debug!(operation = %claimed.operation, attempts, reason, "a call will be tried again");
                        tokio::time::sleep(after.unwrap_or(Duration::from_millis(pause_ms))).await;
                        continue;
                    }
                    None => Event::Exhausted(exhausted(attempts, &reason, answer.as_ref())),
                }
            }
        };
        shared.record(vec![(claimed.operation, event)]).await;
        return;
    }
}

/// Records that an attempt begins; `false` when the operation has ended meanwhile.
async fn may_start(shared: &Shared, claimed: &Claimed) -> bool {
    let started = shared.record(vec![(claimed.operation, Event::Started)]).await;
    started.is_some_and(|applied| matches!(applied.first(), Some(Applied::Changed(_))))
}

async fn try_once(shared: &Shared, claimed: &Claimed, policy: &Policy) -> Verdict {
    let Some((authority, path)) = parse_target(&claimed.request.target) else {
        return Verdict::failed(format!("`{}` is not a URL that can be called", claimed.request.target));
    };
    let left = Duration::from_millis(claimed.deadline.ms_since(clock::now()));
    let id = claimed.operation.encode();
    let call = Call {
        authority: &authority,
        method: &claimed.request.method,
        path,
        headers: &claimed.request.headers,
        content_type: None,
        body: claimed.request.body.clone(),
        identity: Identity {
            operation_id: id.as_str(),
            correlation_id: claimed.correlation_id.as_deref().unwrap_or(id.as_str()),
            idempotency_key: id.as_str(),
            answers: Answers::Operation,
        },
        deadline: Instant::now() + policy.call_timeout.min(left),
        fail_on: &policy.fail_on,
    };
    attempt(shared, call).await
}

/// `http://HOST:PORT/path` or `http+unix:SOCKET:/path`, as `exchange` composed it.
fn parse_target(target: &str) -> Option<(Authority, &str)> {
    if let Some(rest) = target.strip_prefix("http+unix:") {
        let (socket, path) = rest.split_once(':')?;
        return Some((Authority { host: socket.into(), port: 0, unix: true }, path));
    }
    let rest = target.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    let (host, port) = authority.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((Authority { host: host.into(), port: port.parse().ok()?, unix: false }, path))
}

#[cfg(test)]
mod tests {
    use super::parse_target;

    #[test]
    fn a_stored_target_is_read_back_as_it_was_composed() {
        let (authority, path) = parse_target("http://[::1]:80/a/b?c=http://x:1/").expect("a target");
        assert_eq!((authority.host.as_str(), authority.port, path), ("::1", 80, "/a/b?c=http://x:1/"));
        let (authority, path) = parse_target("http+unix:/run/x.sock:/a").expect("a target");
        assert_eq!((authority.host.as_str(), authority.unix, path), ("/run/x.sock", true, "/a"));
        assert!(parse_target("ftp://x/").is_none());
    }
}
