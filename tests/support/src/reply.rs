//! How the service answers one call: well, badly, late, in part, or not at all.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::Gate;
use crate::body::{Body, streamed, whole};

/// An answer in the making.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    how: How,
    pub(crate) delay: Duration,
    pub(crate) gate: Option<Gate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Whole,
    /// The connection breaks after the headers and a part of the body.
    Cut,
    /// The connection is closed instead of an answer.
    Closed,
    /// Never.
    Hang,
    /// The request's own body, as it comes.
    Echo,
}

impl Reply {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let how = How::Whole;
        Self { status, headers: Vec::new(), body: Bytes::new(), how, delay: Duration::ZERO, gate: None }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::status(status).header("content-type", "application/json").body(body.to_string())
    }

    /// 202: the service will tell the outcome later.
    #[must_use]
    pub fn later() -> Self {
        Self::status(202)
    }

    /// No answer, for ever.
    #[must_use]
    pub fn hang() -> Self {
        Self { how: How::Hang, ..Self::status(200) }
    }

    /// The connection is closed without an answer.
    #[must_use]
    pub fn closed() -> Self {
        Self { how: How::Closed, ..Self::status(200) }
    }

    /// The connection breaks in the middle of the body.
    #[must_use]
    pub fn cut_mid_body() -> Self {
        Self { how: How::Cut, ..Self::status(200).body("the first half") }
    }

    /// 200 and the request's body, piece by piece as it comes.
    #[must_use]
    pub fn echo() -> Self {
        Self { how: How::Echo, ..Self::status(200) }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// After so long.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Not before the gate is open.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    pub(crate) const fn how(&self) -> How {
        self.how
    }

    /// Waits as long as this answer takes.
    pub(crate) async fn time(&self) {
        tokio::time::sleep(self.delay).await;
        if let Some(gate) = &self.gate {
            gate.opened().await;
        }
        if self.how == How::Hang {
            std::future::pending::<()>().await;
        }
    }

    /// The response on the wire; an error closes the connection.
    pub(crate) fn into_response(self) -> io::Result<Response<Body>> {
        match self.how {
            How::Closed => Err(io::Error::other("closed without an answer, as the test wants it")),
            How::Cut => Ok(self.headed(cut(self.body.clone()))),
            _ => Ok(self.headed(whole(self.body.clone()))),
        }
    }

    pub(crate) fn headed(&self, body: Body) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).expect("a test's header name is one");
            let value = HeaderValue::from_str(value).expect("a test's header value is one");
            response = response.header(name, value);
        }
        response.body(body).expect("a test's response is one")
    }
}

fn cut(part: Bytes) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(part).expect("the channel holds one piece");
    streamed(receiver, Some(io::Error::other("cut in the middle, as the test wants it")))
}
