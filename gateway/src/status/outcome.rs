//! `PUT /operations/{id}/outcome`: a worker that was given an operation answers it over HTTP.
//!
//! Three places can know the operation: this gateway's own records (it asked), its inbox (it was asked, and its
//! service said 202), or nobody yet (the outcome is faster than the 202): then it is kept and matched.

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use sidegate_core::operation::Event;
use sidegate_core::{Answer, OperationId};
use sidegate_store::{Applied, Operation};

use super::document;
use crate::app::Shared;
use crate::body::Body;
use crate::call::headers;
use crate::deliver;
use crate::exchange::refused;
use crate::ingress;
use crate::names;
use crate::respond::{Code, Problem};
use crate::tokens::Answers;

/// Takes the outcome of an operation.
pub(super) async fn serve(
    shared: &Shared,
    id: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let token = check_token(shared, id, &request)?;
    let (parts, body) = request.into_parts();
    let limits = &shared.gateway.limits;
    let status = status(&parts.headers)?;
    let headers = headers::answer(&parts.headers)?;
    let body =
        ingress::read_body(body, limits.body_bytes_max, limits.body_idle_timeout, limits.body_total_timeout)
            .await?;
    let answer = Answer { status, headers, body };

    if token != Some(Answers::Event)
        && let Ok(own) = id.parse::<OperationId>()
        && let Some(response) = record_own(shared, own, &answer).await?
    {
        return Ok(response);
    }
    match token {
        Some(_) => deliver::outcome_over_http(shared, id, answer).await,
        None => Err(super::unknown()),
    }
}

/// `Some` when this gateway's own records know the operation.
async fn record_own(
    shared: &Shared,
    id: OperationId,
    answer: &Answer,
) -> Result<Option<Response<Body>>, Problem> {
    match shared.outcomes.apply_one(id, Event::Answered(answer.clone())).await.map_err(refused)? {
        Applied::Changed(operation) => Ok(Some(document::document_response(&operation, StatusCode::OK))),
        Applied::Unchanged(operation, _) => again(shared, operation, answer).await.map(Some),
        Applied::Unknown => Ok(None),
    }
}

/// The same outcome again is fine; another one is not.
async fn again(shared: &Shared, operation: Operation, answer: &Answer) -> Result<Response<Body>, Problem> {
    let recorded = shared.store.answer(operation.id).await.map_err(refused)?;
    if recorded.is_some_and(|recorded| same(&recorded, answer)) {
        return Ok(document::document_response(&operation, StatusCode::OK));
    }
    let status = operation.state.status;
    Err(conflict(super::in_words(status))
        .about(operation.id.encode().as_str())
        .with("operation_status", status.as_str()))
}

/// Whether two answers say the same: status, media type and body.
#[must_use]
pub(crate) fn same(one: &Answer, other: &Answer) -> bool {
    one.status == other.status
        && one.body == other.body
        && one.header("content-type") == other.header("content-type")
}

/// 409: what it ended with stands. `ended` says how: "it was cancelled".
pub(crate) fn conflict(ended: &str) -> Problem {
    Problem::new(
        Code::OutcomeConflict,
        format!(
            "this outcome comes too late and is not recorded: {ended}; telling it again will not change that"
        ),
    )
}

/// What the token of the `Outcome-Url` is good for, if there was one; a wrong one is refused.
fn check_token(shared: &Shared, id: &str, request: &Request<Incoming>) -> Result<Option<Answers>, Problem> {
    let query = request.uri().query().unwrap_or_default();
    let Some(token) = query.split('&').find_map(|pair| pair.strip_prefix("token=")) else { return Ok(None) };
    shared.outcome_tokens.verify(id, token).map(Some).ok_or_else(|| {
        Problem::new(
            Code::OutcomeTokenInvalid,
            "the token does not fit this operation: use the `Outcome-Url` of the call as it came",
        )
    })
}

fn status(headers: &HeaderMap) -> Result<u16, Problem> {
    let Some(value) = headers.get(names::SIDEGATE_STATUS) else { return Ok(200) };
    let status = value.to_str().ok().and_then(|text| text.parse::<u16>().ok());
    status.filter(|status| (200..600).contains(status)).ok_or_else(|| {
        Problem::new(Code::BadRequest, "`Sidegate-Status` is the HTTP status of the outcome, from 200 to 599")
    })
}
