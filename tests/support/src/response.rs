//! An answer of the gateway, and what tests ask of it.

use bytes::Bytes;
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use crate::eventually::DEADLINE;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    what: String,
    head: Parts,
}

/// An answer whose body is still coming.
pub struct Opened {
    pub(crate) what: String,
    pub(crate) head: Parts,
    pub(crate) body: Incoming,
}

impl Response {
    pub(crate) fn new(what: String, head: Parts, body: Bytes) -> Self {
        Self { status: head.status.as_u16(), body, what, head }
    }

    /// Asserts the status.
    ///
    /// # Panics
    /// When it is another one; shows the whole answer.
    #[must_use]
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.shown());
        self
    }

    /// Asserts a refusal by the gateway: the status, the stable code, and the form of problem+json.
    ///
    /// # Panics
    /// When it is anything else; shows the whole answer.
    #[must_use]
    #[track_caller]
    pub fn is_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.shown());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.shown());
        assert_eq!(self.header("sidegate-error-source"), Some("gateway"), "{}", self.shown());
        assert_eq!(self.json()["status"], status, "the document repeats the status: {}", self.shown());
        self
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Every value of a header.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.shown()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The stable code of a refusal; empty where the body is none.
    #[must_use]
    pub fn code(&self) -> String {
        let document: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }

    /// `Operation-Id`.
    ///
    /// # Panics
    /// When the answer is about no operation.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        let id = self.header("operation-id").unwrap_or_else(|| panic!("no Operation-Id: {}", self.shown()));
        id.to_owned()
    }

    fn shown(&self) -> String {
        format!("{} → {} {:?}\n{}", self.what, self.status, self.head.headers, self.text())
    }
}

impl Opened {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next piece of the body as it came off the wire; `None` at the end.
    ///
    /// # Errors
    /// The body broke off.
    ///
    /// # Panics
    /// When nothing comes until the deadline.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let frame = tokio::time::timeout(DEADLINE, self.body.frame()).await;
            match frame.unwrap_or_else(|_| panic!("{}: no piece of the body until the deadline", self.what)) {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
