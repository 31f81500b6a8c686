//! The data plane's front door: which part of the gateway a request is for, and the numbers of what it got.

use std::sync::Arc;

use compact_str::CompactString;
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
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let head_only = request.method() == Method::HEAD;
        let mut response = self.serve(request, &peer).await;
        if head_only {
            without_body(&mut response);
        }
        response
    }
}

impl DataPlane {
    async fn serve(&self, request: Request<Incoming>, peer: &Peer) -> Response<Body> {
        let path = request.uri().path();
        if path.starts_with(status::PREFIX) {
            return status::serve(&self.0, request).await.unwrap_or_else(Problem::into_response);
        }
        let found = self.0.routes.load().find(request.method(), path);
        match found {
            Found::Route(route, params) => self.serve_route(&route, params, request, peer).await,
            Found::OtherMethods(allow) if request.method() == Method::OPTIONS => options(&allow),
            Found::OtherMethods(allow) => not_allowed(request.method(), allow),
            Found::Nothing => Problem::new(
                Code::NotFound,
                format!("no route serves `{}`: `sidegate routes` lists what is served", shorten(path)),
            )
            .into_response(),
        }
    }

    async fn serve_route(
        &self,
        route: &Route,
        params: Params,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<Body> {
        let began = Instant::now();
        let response =
            exchange::serve(&self.0, route, params, request, peer).await.unwrap_or_else(|problem| {
                route.metrics.refused(problem.code.as_str());
                problem.into_response()
            });
        route.metrics.answered(response.status().as_u16(), began.elapsed().as_secs_f64());
        response
    }
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
