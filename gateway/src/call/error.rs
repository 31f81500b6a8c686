//! What can go wrong with a call, and whether the service may have acted all the same.

use std::error::Error;
use std::fmt;

use sidegate_config::settings::Authority;

use crate::body::BodyError;

/// A call without a whole answer.
#[derive(Debug)]
pub struct CallError {
    /// What kind of trouble.
    pub kind: CallErrorKind,
    /// Whether the service may have got the request.
    pub sent: Sent,
    service: String,
    source: Option<BodyError>,
}

/// What kind of trouble; decides what the gateway tells and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// No connection: refused, unknown name, or no answer to the attempt.
    Connect,
    /// As many calls to the service are under way as may be, and none ended before the deadline.
    Busy,
    /// No answer, or only a part of one, before the deadline.
    Timeout,
    /// The connection ended before the answer did.
    Closed,
    /// The body of the request broke off before all of it was sent; the source says why.
    RequestBody,
    /// What came back is not an HTTP answer.
    Protocol,
    /// The answer is larger than what may be kept.
    TooLarge,
}

/// Whether the service may have got the request: the question that decides who may try again, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It certainly has not got it: trying again is safe.
    No,
    /// It may have, and may have acted on it: try again only what may be repeated.
    Maybe,
}

impl CallError {
    pub(super) fn new(kind: CallErrorKind, sent: Sent, authority: &Authority) -> Self {
        Self { kind, sent, service: authority.to_string(), source: None }
    }

    pub(super) fn because(mut self, source: impl Into<BodyError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same trouble, after an earlier try.
    pub(super) fn after(mut self, sent: Sent) -> Self {
        self.sent = sent;
        self
    }

    /// What the protocol's error means for a request that may have been sent.
    pub(super) fn of_exchange(error: hyper::Error, sent: Sent, authority: &Authority) -> Self {
        let kind = match () {
            () if error.is_user() => CallErrorKind::RequestBody,
            () if error.is_parse() => CallErrorKind::Protocol,
            () => CallErrorKind::Closed,
        };
        Self::new(kind, sent, authority).because(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        match self.kind {
            CallErrorKind::Connect => write!(f, "cannot connect to {service}"),
            CallErrorKind::Busy => write!(f, "no connection to {service} became free before the deadline"),
            CallErrorKind::Timeout => write!(f, "{service} did not answer before the deadline"),
            CallErrorKind::Closed => write!(f, "the connection to {service} ended before its answer"),
            CallErrorKind::RequestBody => write!(f, "the request to {service} broke off"),
            CallErrorKind::Protocol => write!(f, "the answer of {service} is not HTTP"),
            CallErrorKind::TooLarge => write!(f, "the answer of {service} is too large"),
        }?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
