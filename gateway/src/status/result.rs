//! How an end is told: the service's answer as it came, or the gateway's word where there is none.

use http::header::HeaderValue;
use http::{Response, StatusCode};
use sidegate_core::Answer;
use sidegate_core::operation::Status;
use sidegate_store::Operation;

use super::document;
use crate::body::Body;
use crate::call::headers;
use crate::names;
use crate::respond::{Code, ERROR_SOURCE, Problem};

/// What a caller gets who waited for the end, and what `/result` says after it.
#[must_use]
pub fn response(operation: &Operation, answer: Option<Answer>) -> Response<Body> {
    let mut response = match answer {
        Some(answer) => answered(answer),
        None => without_answer(operation).into_response(),
    };
    let headers = response.headers_mut();
    document::name(headers, operation);
    headers.insert(names::OPERATION_STATUS, HeaderValue::from_static(operation.state.status.as_str()));
    response
}

/// Headers that are added to a service's own.
const NAMED_BY_US: usize = 2;

/// A service's answer as an HTTP response: its status, end-to-end headers and body.
#[must_use]
pub fn answered(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = headers::from_message(&answer.headers, NAMED_BY_US);
    let headers = response.headers_mut();
    if answer.status >= 400 && !headers.contains_key(ERROR_SOURCE) {
        headers.insert(ERROR_SOURCE, HeaderValue::from_static("service"));
    }
    response
}

/// A problem of the gateway's own as an answer that can be recorded.
#[must_use]
pub fn as_answer(problem: &Problem) -> Answer {
    Answer {
        status: problem.code.status().as_u16(),
        headers: vec![
            ("content-type".into(), "application/problem+json".into()),
            (ERROR_SOURCE.as_str().into(), "gateway".into()),
        ],
        body: problem.document().into(),
    }
}

fn without_answer(operation: &Operation) -> Problem {
    let id = operation.id.encode();
    let problem = match operation.state.status {
        Status::TimedOut => Problem::new(
            Code::DeadlineExceeded,
            "no answer came before the operation's deadline; whether the service did it is not known",
        ),
        Status::Cancelled => Problem::new(
            Code::OperationCancelled,
            "the operation was cancelled before an answer came; whether the service did it is not known",
        ),
        _ => Problem::new(Code::Internal, "the operation ended, and its answer is not stored"),
    };
    problem.about(id.as_str())
}
