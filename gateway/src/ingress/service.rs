//! One request on its way to the handler and back: what HTTP demands of every request, and what becomes of a panic.

use compact_str::CompactString;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use super::{Handler, Peer, Plane};
use crate::body::Body;
use crate::panics;
use crate::respond::{Code, Problem};

/// Answers a request; there is always an answer. The request goes into the handler's own future at once: what is
/// left here is kept as long as the connection is open, and ten thousand of them may wait.
pub(super) fn answer<H: Handler>(
    plane: &Plane<H>,
    request: Request<Incoming>,
    peer: Peer,
) -> impl Future<Output = Response<Body>> + Send {
    // Copies: a part of the request itself would keep the connection's read buffer as long as a caller is held.
    let (method, path) = (request.method().clone(), CompactString::from(request.uri().path()));
    let begun = check(&request, plane.headers_max)
        .map(|()| panics::caught_at_once(|| panics::caught(plane.handler.handle(request, peer))));
    async move {
        let mut response = match begun {
            Err(problem) => problem.into_response(),
            Ok(Ok(handled)) => handled.await.unwrap_or_else(|panic| panicked(plane, &method, &path, &panic)),
            Ok(Err(panic)) => panicked(plane, &method, &path, &panic),
        };
        if plane.drain.has_started() || leaves_body_unread(response.status()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
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

fn panicked<H>(plane: &Plane<H>, method: &Method, path: &str, panic: &str) -> Response<Body> {
    plane.counters.count_panic();
    tracing::error!(%method, path, panic, "a handler panicked: this is a bug");
    Problem::new(Code::Internal, "the gateway failed: see its log").into_response()
}
