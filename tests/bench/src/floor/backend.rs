//! The service behind the proxy and behind the gateway: reads a request whole and answers 200 with a document of a
//! fixed size.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};

use crate::load::request::json_of;

pub(crate) async fn serve(body_bytes: usize) -> Result<Infallible> {
    let answer = Bytes::from(json_of(body_bytes));
    super::serve(move |request| respond(request, answer.clone())).await
}

async fn respond(request: Request<Incoming>, answer: Bytes) -> Result<Response<Full<Bytes>>> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
