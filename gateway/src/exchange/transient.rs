//! A message and its answer without a record: the fastest way, for a caller who waits and can ask again.
//!
//! Nothing is stored on either side. When the gateway or the broker dies, the caller sees a cut connection or 504
//! and does not know whether it was done.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use sidegate_broker::{Effect, ErrorKind};
use sidegate_config::settings::Target;
use tokio::time::Instant;

use super::intake;
use crate::app::Shared;
use crate::body::Body;
use crate::clock;
use crate::envelope::{Envelope, seal};
use crate::respond::{Code, Problem};
use crate::route::{Params, Route};
use crate::status;

/// Sends, waits, answers.
pub(super) async fn serve(
    shared: &Shared,
    route: &Route,
    params: Params,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let Target::Send { broker, .. } = &route.settings.target else {
        return Err(Problem::new(Code::Internal, "a route without a record is a `send` or a `call`"));
    };
    let link = shared.link(broker)?;
    let _held = shared.hold(route)?;
    let (parts, body) = intake::read(shared, route, request).await?;
    intake::check_json(route, &body)?;
    let id = shared.new_id();
    let checked = intake::compose(route, &params, &parts, body, id)?;
    // Its values are slices of the connection's read buffer, which need not wait with the caller.
    drop(parts);
    let deadline = Instant::now() + route.settings.timeout;
    let expires_at = clock::now() + u64::try_from(route.settings.timeout.as_millis()).unwrap_or(u64::MAX);

    if !link.hears() {
        let heard = tokio::time::timeout_at(deadline, link.heard()).await;
        heard.map_err(|_| not_sent(ErrorKind::Unreachable, Effect::NotApplied))?;
    }
    let waiter = shared.waiters.wait(id);
    let name = id.encode();
    let envelope = Envelope {
        id: name.as_str(),
        correlation_id: checked.correlation_id,
        reply_to: &link.reply_to,
        deadline_ms: expires_at.unix_ms(),
        durable: false,
    };
    let outbound = seal(checked.request, envelope);
    tokio::time::timeout_at(deadline, link.publish(outbound))
        .await
        .map_err(|_| no_answer(route.settings.timeout))?
        .map_err(|error| not_sent(error.kind, error.effect))?;
    let answer = tokio::time::timeout_at(deadline, waiter.answer()).await;
    Ok(status::answered(answer.map_err(|_| no_answer(route.settings.timeout))?))
}

fn no_answer(timeout: Duration) -> Problem {
    Problem::new(
        Code::DeadlineExceeded,
        format!("no answer came within {} ms; whether the service did it is not known", timeout.as_millis()),
    )
}

fn not_sent(kind: ErrorKind, effect: Effect) -> Problem {
    match (kind, effect) {
        (ErrorKind::TooLarge, _) => {
            Problem::new(Code::BodyTooLarge, "the broker does not take a message of this size")
        }
        (ErrorKind::Full, _) => Problem::new(
            Code::Overloaded,
            "as many messages as may wait at the broker do so: ask again later",
        ),
        (ErrorKind::Rejected, _) => Problem::new(
            Code::BrokerRejected,
            "the broker refused the message and would again: nothing happened",
        ),
        (_, Effect::NotApplied) => Problem::new(
            Code::BrokerUnavailable,
            "the message could not be handed to the broker: nothing happened",
        ),
        (_, Effect::Unknown) => Problem::new(
            Code::DeadlineExceeded,
            "the broker did not confirm the message; whether it has it is not known",
        ),
    }
}
