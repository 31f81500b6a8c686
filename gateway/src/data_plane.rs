//! The data plane's front door: which part of the gateway a request is for, and the numbers of what it got.

use std::sync::Arc;

use compact_str::CompactString;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::app::Shared;
use crate::body::Body;
use crate::exchange;
use crate::ingress::{Handler, Peer};
use crate::respond::{Code, Problem};
use crate::route::{Found, Params, Route};
use crate::status;

/// Serves clients.
pub struct DataPlane(pub Arc<Shared>);

impl Handler for DataPlane {
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send {
        let head_only = request.method() == Method::HEAD;
        let answer = self.answer(request, peer);
        async move {
            let mut response = answer.await;
            if head_only {
                without_body(&mut response);
            }
            response
        }
    }
}

impl DataPlane {
    /// Finds out whom the request is for before anything waits, so that a held caller costs the room of its own way
    /// and not of all of them.
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> BoxFuture<'_, Response<Body>> {
        let path = request.uri().path();
        if path.starts_with(status::PREFIX) {
            return status::serve(&self.0, request)
                .map(|told| told.unwrap_or_else(Problem::into_response))
                .boxed();
        }
        if is_for_later(path) {
            let detail =
                format!("`{}` is not in this version: ask for an operation by its id", shorten(path));
            return at_once(Problem::new(Code::NotInThisVersion, detail).into_response());
        }
        let found = self.0.routes.load().find(request.method(), path);
        match found {
            Found::Route(route, params) => self.serve_route(route, params, request, peer).boxed(),
            Found::OtherMethods(allow) if request.method() == Method::OPTIONS => at_once(options(&allow)),
            Found::OtherMethods(allow) => at_once(not_allowed(request.method(), allow)),
            Found::Nothing => {
                let detail =
                    format!("no route serves `{}`: `sidegate routes` lists what is served", shorten(path));
                at_once(Problem::new(Code::NotFound, detail).into_response())
            }
        }
    }

    async fn serve_route(
        &self,
        route: Arc<Route>,
        params: Params,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Body> {
        let began = Instant::now();
        let answered = match exchange::serve(&self.0, &route, params, request, peer) {
            Ok(exchange) => exchange.await,
            Err(problem) => Err(problem),
        };
        let response = answered.unwrap_or_else(|problem| {
            route.metrics.refused(problem.code.as_str());
            problem.into_response()
        });
        route.metrics.answered(response.status().as_u16(), began.elapsed().as_secs_f64());
        response
    }
}

fn at_once<'a>(response: Response<Body>) -> BoxFuture<'a, Response<Body>> {
    std::future::ready(response).boxed()
}

/// Paths that no route may have because later versions answer there.
fn is_for_later(path: &str) -> bool {
    ["/correlations", "/events"]
        .iter()
        .any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn options(allow: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

fn not_allowed(method: &Method, allow: CompactString) -> Response<Body> {
    let mut problem =
        Problem::new(Code::MethodNotAllowed, format!("`{method}` is not served here: {allow} are"));
    problem.allow = Some(allow);
    problem.into_response()
}

/// HEAD gets the headers of GET, the length among them (RFC 9110, section 9.3.2).
fn without_body(response: &mut Response<Body>) {
    use http_body::Body as _;
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        response.headers_mut().entry(http::header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
}

/// A path in an error is the client's own; a long one helps nobody.
fn shorten(path: &str) -> &str {
    const CHARS_MAX: usize = 200;
    path.char_indices().nth(CHARS_MAX).map_or(path, |(at, _)| &path[..at])
}
