//! Everything the services refuse, as problem documents (RFC 9457): a status, a stable `code`, and a sentence that
//! says what to do. Never shows SQL or paths of files.

use hyper::StatusCode;
use serde_json::{Value, json};

/// A refusal on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// What programs tell it by.
    pub(crate) code: &'static str,
    /// What people read.
    pub(crate) detail: String,
    /// The methods that would have been right, for 405.
    pub(crate) allow: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), allow: None }
    }

    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(crate) fn method_not_allowed(method: &str, allow: String) -> Self {
        let detail = format!("{method} is not possible here; use {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// Whether asking again would be answered alike: the request is at fault, not the moment.
    pub(crate) fn is_definite(&self) -> bool {
        self.status.is_client_error()
    }

    /// The document.
    pub(crate) fn document(&self) -> Value {
        json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        })
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) {
            let detail = "another process holds the database; nothing was changed, ask again";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_busy", detail);
        }
        tracing::error!(%error, "a statement failed in the service's database");
        let detail = "the service could not use its database; nothing was changed";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}
