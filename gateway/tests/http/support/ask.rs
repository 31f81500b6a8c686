//! Short words for asking a service through a pool.

use std::time::Duration;

use http::{Request, Response};
use sidegate::body::Body;
use sidegate::call::{CallBody, CallError, Pool, PoolLimits};
use sidegate_config::settings::Authority;
use tokio::time::Instant;

use super::soon;

/// Limits that no test reaches by accident.
pub(crate) fn pool_limits() -> PoolLimits {
    let long = Duration::from_secs(60);
    PoolLimits { connections_max: 100, connect_timeout: long, idle_timeout: long }
}

/// Far enough.
pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(crate) fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(path).body(body.into()).expect("a request")
}

pub(crate) fn get(path: &str) -> Request<Body> {
    request("GET", path, Body::empty())
}

/// Asks, and waits for the answer's head.
pub(crate) async fn ask(
    pool: &Pool,
    authority: &Authority,
    request: Request<Body>,
) -> Result<Response<CallBody>, CallError> {
    soon("an answer or an error", pool.request(authority, request, later())).await
}

/// The whole body of an answer.
pub(crate) async fn text(answer: Response<CallBody>) -> String {
    let body = soon("the body", answer.into_body().collect_bounded(1024 * 1024, later()))
        .await
        .expect("a whole body");
    String::from_utf8(body.to_vec()).expect("text")
}
