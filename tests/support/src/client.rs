//! A client of the data or the admin plane: keep-alive HTTP/1.1, never repeating a request by itself.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use crate::body::{Body, whole};
use crate::events::Events;
use crate::eventually::{DEADLINE, eventually};
use crate::raw::Raw;
use crate::response::{Opened, Response};

/// No request of a test takes longer; a hang is a failure, not a test that never ends.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// Connections to one address; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: Http<HttpConnector, Body>,
    address: SocketAddr,
}

/// A request about to be sent: `client.post("/orders").json(&order).prefer("wait=1").await`.
pub struct Ask {
    client: Client,
    request: http::request::Builder,
    what: String,
    body: Body,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = Http::builder(TokioExecutor::new())
            // A repeat would hide what the gateway did with the first.
            .retry_canceled_requests(false)
            .pool_timer(TokioTimer::new())
            .build(HttpConnector::new());
        Self { http, address }
    }

    /// Any method.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).expect("a test's method is one");
        let request = Request::builder().method(method.clone()).uri(format!("http://{}{path}", self.address));
        Ask { client: self.clone(), request, what: format!("{method} {path}"), body: whole(Bytes::new()) }
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Ask {
        self.request("GET", path)
    }

    /// `POST`.
    #[must_use]
    pub fn post(&self, path: &str) -> Ask {
        self.request("POST", path)
    }

    /// `PUT`.
    #[must_use]
    pub fn put(&self, path: &str) -> Ask {
        self.request("PUT", path)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Ask {
        self.request("DELETE", path)
    }

    /// Bytes of any kind on a connection of their own, and what comes back until it is closed.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Raw {
        Raw::exchange(self.address, bytes.as_ref()).await
    }

    /// The events of an operation, as they come.
    pub async fn events(&self, id: &str) -> Events {
        Events::new(self.get(&format!("/operations/{id}/events")).opened().await)
    }

    /// The operation as it is now.
    pub async fn operation(&self, id: &str) -> Value {
        self.get(&format!("/operations/{id}")).await.is(200).json()
    }

    /// What came out of an operation.
    pub async fn result(&self, id: &str) -> Response {
        self.get(&format!("/operations/{id}/result")).await
    }

    /// Waits until the operation has this status.
    pub async fn becomes(&self, id: &str, status: &str) -> Value {
        let what = format!("operation {id} is {status}");
        let reached =
            async || Some(self.operation(id).await).filter(|operation| operation["status"] == status);
        eventually(DEADLINE, &what, reached).await
    }

    /// Waits until the operation has an outcome.
    pub async fn ends(&self, id: &str) -> Value {
        const ENDS: [&str; 4] = ["succeeded", "failed", "timed_out", "cancelled"];
        let what = format!("operation {id} has an outcome");
        let ended =
            |operation: &Value| operation["status"].as_str().is_some_and(|status| ENDS.contains(&status));
        eventually(DEADLINE, &what, async || Some(self.operation(id).await).filter(ended)).await
    }
}

impl Ask {
    /// A header; may be called again for a second value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// `Prefer`.
    #[must_use]
    pub fn prefer(self, preferences: &str) -> Self {
        self.header("prefer", preferences)
    }

    /// `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// A body, byte for byte.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = whole(bytes);
        self
    }

    /// A body of pieces.
    #[must_use]
    pub fn streamed(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// A JSON body with its media type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends; an error where there is no whole answer.
    ///
    /// # Errors
    /// What happened to the connection. Whether the gateway took the request is not known then.
    pub async fn tried(self) -> Result<Response, String> {
        let what = self.what.clone();
        let whole = async {
            let Opened { what, head, body } = self.tried_to_open().await?;
            let body = body.collect().await.map_err(|error| format!("{what}: broken off: {error}"))?;
            Ok(Response::new(what, head, body.to_bytes()))
        };
        tokio::time::timeout(REQUEST_TIMEOUT, whole)
            .await
            .map_err(|_| format!("{what}: no answer in time"))?
    }

    /// Sends, and returns when the answer's headers are there.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn opened(self) -> Opened {
        let what = self.what.clone();
        let opened = tokio::time::timeout(REQUEST_TIMEOUT, self.tried_to_open()).await;
        opened
            .unwrap_or_else(|_| panic!("{what}: no answer in time"))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    async fn tried_to_open(self) -> Result<Opened, String> {
        let Self { client, request, what, body } = self;
        let request = request.body(body).expect("a test's request is one");
        let response = client.http.request(request).await.map_err(|error| format!("{what}: {error:?}"))?;
        let (head, body) = response.into_parts();
        Ok(Opened { what, head, body })
    }
}

/// Sends and panics where there is no whole answer.
impl IntoFuture for Ask {
    type Output = Response;
    type IntoFuture = BoxFuture<'static, Response>;
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.tried().await.unwrap_or_else(|error| panic!("{error}")) })
    }
}
