//! Reads a request whole and answers 202: what any HTTP server must do to accept something.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

pub(crate) async fn serve() -> Result<Infallible> {
    super::serve(accept).await
}

async fn accept(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>> {
    request.into_body().collect().await?;
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
