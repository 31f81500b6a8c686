//! Reads a request whole and answers 202: what any HTTP server must do to accept something.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

/// Answers at once.
pub(crate) async fn serve() -> Result<Infallible> {
    serve_after(|_| async { Ok(()) }).await
}

/// Answers when `publish` has brought the body to where it is safe.
pub(super) async fn serve_after<F>(
    publish: impl Fn(Bytes) -> F + Clone + Send + Sync + 'static,
) -> Result<Infallible>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    super::serve(move |request| accept(request, publish.clone())).await
}

async fn accept<F>(request: Request<Incoming>, publish: impl Fn(Bytes) -> F) -> Result<Response<Empty<Bytes>>>
where
    F: Future<Output = Result<()>>,
{
    publish(request.into_body().collect().await?.to_bytes()).await?;
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
