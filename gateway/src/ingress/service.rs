//! One request on its way to the handler and back: what HTTP demands of every request, and what becomes of a panic.

use compact_str::CompactString;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::{Handler, Peer, Plane};
use crate::body::Body;
use crate::panics;
use crate::respond::{Code, Problem};

/// Answers a request; there is always an answer.
pub(super) async fn answer<H: Handler>(
    plane: &Plane<H>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<Body> {
    let mut response = match check(&request, plane.headers_max) {
        Ok(()) => guarded(plane, request, peer).await,
        Err(problem) => problem.into_response(),
    };
    if plane.drain.has_started() || leaves_body_unread(response.status()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What was refused for its size or its pace is not read to its end for the sake of the connection.
fn leaves_body_unread(status: StatusCode) -> bool {
    matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT)
}

fn check(request: &Request<Incoming>, headers_max: usize) -> Result<(), Problem> {
    if request.headers().len() > headers_max {
        return Err(too_many_headers(headers_max));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        // RFC 9112, section 3.2. Two of them are how one request is made to look like another.
        (None, _) => Err(Problem::new(Code::BadRequest, "the request has no `Host` header")),
        (Some(_), Some(_)) => {
            Err(Problem::new(Code::BadRequest, "the request has more than one `Host` header"))
        }
    }
}

fn too_many_headers(headers_max: usize) -> Problem {
    Problem::new(
        Code::HeadersTooLarge,
        format!("the request has more than {headers_max} headers: send fewer"),
    )
}

async fn guarded<H: Handler>(plane: &Plane<H>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
    // A copy: a part of the request itself would keep the connection's read buffer as long as a caller is held.
    let (method, path) = (request.method().clone(), CompactString::from(request.uri().path()));
    match panics::caught(plane.handler.handle(request, peer)).await {
        Ok(response) => response,
        Err(panic) => {
            plane.counters.count_panic();
            tracing::error!(%method, %path, panic, "a handler panicked: this is a bug");
            Problem::new(Code::Internal, "the gateway failed: see its log").into_response()
        }
    }
}
