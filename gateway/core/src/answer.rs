//! What a service answered: the part of an HTTP response that travels and is kept.

use bytes::Bytes;
use compact_str::CompactString;

/// Header names (lower case) and values, in the order they came; a name may stand more than once.
pub type Headers = Vec<(CompactString, CompactString)>;

/// A service's answer, or the gateway's own words in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// End-to-end headers, `content-type` among them.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Answer {
    /// An answer without headers or body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Whether the service says it did what was asked: any status below 400.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status < 400
    }

    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}
