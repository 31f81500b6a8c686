//! The durable way: store the request, hand it to its lane, then hold the caller or answer 202.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use sidegate_config::settings::ReplyMode;
use sidegate_core::{Answer, OperationId};
use sidegate_store::{Accepted, Idempotency, NewOperation, Operation, StoreError, StoreErrorKind};
use tokio::time::Instant;

use super::{Prefer, idempotency, intake};
use crate::app::Shared;
use crate::body::Body;
use crate::clock;
use crate::names;
use crate::outcome::{Change, Watch};
use crate::respond::{Code, Problem};
use crate::route::{Params, Route};
use crate::status;

/// Accepts a request durably.
pub(super) async fn serve(
    shared: &Shared,
    route: &Route,
    params: Params,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let prefer = Prefer::from_headers(request.headers())?;
    let key = idempotency::key(request.headers(), route.settings.idempotency)?;
    let plan = Plan::new(shared, route, prefer);
    let _held = plan.hold.map(|_| shared.hold(route)).transpose()?;
    // What accepting needs is let go before the caller is held: ten thousand of them wait at once.
    let (accepted, watch) =
        Box::pin(accept(shared, route, params, request, key, plan.hold.is_some())).await?;
    match accepted {
        Accepted::New(operation) => plan.answer(shared, operation, watch).await,
        Accepted::Existing(operation) => Box::pin(plan.answer_repeat(shared, route, operation)).await,
        Accepted::KeyReused => Err(Problem::new(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key came before with another method, path or body: use a fresh key for a new request",
        )),
    }
}

/// Reads, checks and stores the request, and hands it to its lane. Who is to be held watches from before it is
/// stored, so that no outcome is missed.
async fn accept<'a>(
    shared: &'a Shared,
    route: &Route,
    params: Params,
    request: Request<Incoming>,
    key: Option<String>,
    to_be_held: bool,
) -> Result<(Accepted, Option<Watch<'a>>), Problem> {
    let (parts, body) = intake::read(shared, route, request).await?;
    let id = shared.new_id();
    let idempotency = key.map(|key| {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let asked = [parts.method.as_str().as_bytes(), path.as_bytes(), &body[..]];
        idempotency::digests(None, &route.settings.name, &key, asked)
    });
    let new = new_operation(route, &params, &parts, body, id, idempotency)?;
    // Its values are slices of the connection's read buffer, which need not wait with the caller.
    drop(parts);
    let watch = to_be_held.then(|| shared.outcomes.watch(id));
    let storing = shared.lanes.storing(&route.lane, &shared.store);
    let accepted = store(shared, new).await;
    storing.answered();
    let accepted = accepted?;
    if let Accepted::New(_) = accepted {
        shared.lanes.wake(&route.lane);
        route.metrics.accepted();
    }
    Ok((accepted, watch))
}

fn new_operation(
    route: &Route,
    params: &Params,
    parts: &http::request::Parts,
    body: bytes::Bytes,
    id: OperationId,
    idempotency: Option<Idempotency>,
) -> Result<NewOperation, Problem> {
    intake::check_json(route, &body)?;
    let checked = intake::compose(route, params, parts, body, id)?;
    let now = clock::now();
    Ok(NewOperation {
        id,
        route: route.settings.name.clone(),
        principal: None,
        correlation_id: checked.correlation_id,
        created_at: now,
        deadline: now + millis(route.settings.timeout),
        retention_ms: millis(route.settings.retention),
        idempotency,
        redrive_of: None,
        request: checked.request,
    })
}

async fn store(shared: &Shared, new: NewOperation) -> Result<Accepted, Problem> {
    let accepted = shared.store.accept(vec![new]).await.map_err(refused)?;
    accepted.into_iter().next().ok_or_else(|| Problem::new(Code::Internal, "the store gave no answer"))
}

/// What a store's refusal means to a client.
#[expect(clippy::needless_pass_by_value, reason = "shaped for `map_err`")]
pub fn refused(error: StoreError) -> Problem {
    match error.kind {
        StoreErrorKind::DiskFull => {
            Problem::new(Code::StorageFull, "the gateway's disk is full: nothing was stored, ask again later")
                .retry_after(5)
        }
        StoreErrorKind::PendingFull => Problem::new(
            Code::PendingFull,
            "as many requests as may wait for the broker do so: nothing was stored, ask again later",
        )
        .retry_after(5),
        StoreErrorKind::Overloaded => Problem::new(
            Code::Overloaded,
            "the store has more to write than it takes: nothing was stored, ask again later",
        ),
        StoreErrorKind::Closed | StoreErrorKind::Fenced => {
            Problem::new(Code::Draining, "the gateway is shutting down: nothing was stored, ask again")
        }
        _ => {
            tracing::error!(error = %error, "the store failed");
            Problem::new(Code::Internal, "the store failed: nothing was stored")
        }
    }
}

/// How this caller learns the outcome.
struct Plan {
    prefer: Prefer,
    /// Until when the caller is held; `None`: not at all.
    hold: Option<Instant>,
}

/// The operation's own end is recorded shortly after its deadline: a caller held until then waits for that.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);

impl Plan {
    fn new(shared: &Shared, route: &Route, prefer: Prefer) -> Self {
        let settings = &route.settings;
        let now = Instant::now();
        let for_at_most = |wait: Duration| Some(now + wait.min(settings.timeout));
        let hold = match (prefer.wait, prefer.respond_async, settings.reply) {
            (Some(wait), _, _) if wait.is_zero() => None,
            (Some(wait), _, _) => for_at_most(wait.min(shared.gateway.limits.wait_max)),
            (None, true, _) | (None, false, ReplyMode::Poll | ReplyMode::None) => None,
            (None, false, ReplyMode::Wait) => match settings.hold {
                Some(hold) => for_at_most(hold),
                None => Some(now + settings.timeout + DEADLINE_GRACE),
            },
        };
        Self { prefer, hold }
    }

    async fn answer(
        &self,
        shared: &Shared,
        operation: Operation,
        watch: Option<Watch<'_>>,
    ) -> Result<Response<Body>, Problem> {
        let latest = match (self.hold, watch) {
            (Some(hold), Some(watch)) => hold_until_end(shared, hold, watch).await,
            _ => None,
        };
        Ok(self.mark(match latest {
            Some(change) if change.operation.state.status.is_end() => {
                status::result_response(&change.operation, answer_of(shared, &change).await)
            }
            Some(change) => status::accepted(&change.operation),
            None => status::accepted(&operation),
        }))
    }

    /// A repeat joins the operation of the first request: held or 202 as it asks; after the end a held caller gets
    /// the answer again, and on a poll route 200 says where it is.
    async fn answer_repeat(
        &self,
        shared: &Shared,
        route: &Route,
        operation: Operation,
    ) -> Result<Response<Body>, Problem> {
        let watch = self.hold.map(|_| shared.outcomes.watch(operation.id));
        let operation = shared.store.operation(operation.id).await.map_err(refused)?.unwrap_or(operation);
        if !operation.state.status.is_end() {
            return self.answer(shared, operation, watch).await;
        }
        if self.hold.is_none() || (route.settings.reply != ReplyMode::Wait && self.prefer.wait.is_none()) {
            return Ok(self.mark(status::ended(&operation)));
        }
        let answer = shared.store.answer(operation.id).await.map_err(refused)?;
        Ok(self.mark(status::result_response(&operation, answer)))
    }

    fn mark(&self, mut response: Response<Body>) -> Response<Body> {
        if let Some(applied) = self.prefer.applied() {
            response.headers_mut().insert(names::PREFERENCE_APPLIED, applied);
        }
        response.headers_mut().insert(http::header::VARY, HeaderValue::from_static("prefer"));
        response
    }
}

/// Waits for the end, the hold's own end, or the gateway's: a caller held by a gateway that stops gets its 202. The
/// last news, if there was any.
async fn hold_until_end(shared: &Shared, until: Instant, mut watch: Watch<'_>) -> Option<Arc<Change>> {
    let mut latest = None;
    let stop = tokio::time::sleep_until(until);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            change = watch.changed() => {
                let is_end = change.operation.state.status.is_end();
                latest = Some(change);
                if is_end {
                    return latest;
                }
            }
            () = &mut stop => return latest,
            () = shared.drain.started() => return latest,
        }
    }
}

/// The answer comes with the news, except to who began to watch while it was being recorded.
async fn answer_of(shared: &Shared, change: &Change) -> Option<Answer> {
    if change.answer.is_some() || change.operation.outcome.is_none() {
        return change.answer.clone();
    }
    shared.store.answer(change.operation.id).await.ok().flatten()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
