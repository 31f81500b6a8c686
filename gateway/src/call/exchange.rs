//! One call over one connection, and the one case in which it is made again over another.
//!
//! A service closes a connection that was idle for too long for its taste; a request may meet that moment. What the
//! protocol gives back unsent is sent once more over a fresh connection. What may have been sent is repeated only if
//! its method allows that and all of it is in memory.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use sidegate_config::settings::Authority;

use super::body::CallBody;
use super::connect::Connection;
use super::error::{CallError, CallErrorKind, Sent};
use super::service::{Lease, STALE_AFTER, Service, Slot};
use crate::body::Body;

/// A try that came to nothing.
struct Failed {
    error: hyper::Error,
    /// The request, where it was certainly not sent.
    unsent: Option<Request<Body>>,
    slot: Slot,
}

/// How far a call got, so that its deadline can tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    stage: Stage,
    sent: Sent,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// For a connection that may be used.
    Waiting,
    /// Opening one.
    Connecting,
    /// The request is with the connection.
    Sending,
}

impl Service {
    /// Sends the request and waits for the answer's head.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        request: Request<Body>,
        progress: &mut Progress,
    ) -> Result<Response<CallBody>, CallError> {
        let slot = self.slot().await;
        let Some(reused) = self.reusable().await else {
            return Box::pin(self.exchange_afresh(slot, request, progress)).await;
        };
        // No copy where it is hardly needed: a busy service is spared the cost.
        let spare = if reused.idle_for > STALE_AFTER { spare(&request) } else { None };
        let failed = match send(slot, reused.connection, request, progress).await {
            Ok(answer) => return self.accept(answer),
            Err(failed) => failed,
        };
        let was_stale = ended_unanswered(&failed.error);
        match failed.unsent.or(spare.filter(|_| was_stale)) {
            Some(request) => Box::pin(self.exchange_afresh(failed.slot, request, progress)).await,
            None => Err(CallError::of_exchange(failed.error, progress.sent, &self.authority)),
        }
    }

    /// Seldom, and boxed where it is called: no call is larger for it.
    async fn exchange_afresh(
        &self,
        slot: Slot,
        request: Request<Body>,
        progress: &mut Progress,
    ) -> Result<Response<CallBody>, CallError> {
        progress.stage = Stage::Connecting;
        let connection = self.connect().await.map_err(|error| error.after(progress.sent))?;
        match send(slot, connection, request, progress).await {
            Ok(answer) => self.accept(answer),
            Err(failed) => Err(CallError::of_exchange(failed.error, progress.sent, &self.authority)),
        }
    }

    /// Nobody asked to switch protocols; an answer that does so anyway leaves nothing to talk over.
    fn accept(&self, answer: Response<CallBody>) -> Result<Response<CallBody>, CallError> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(CallError::new(CallErrorKind::Protocol, Sent::Maybe, &self.authority)
                .because("it switches protocols although nobody asked"));
        }
        Ok(answer)
    }
}

async fn send(
    slot: Slot,
    mut connection: Connection,
    request: Request<Body>,
    progress: &mut Progress,
) -> Result<Response<CallBody>, Failed> {
    let sent_before = progress.sent;
    *progress = Progress { stage: Stage::Sending, sent: Sent::Maybe };
    match connection.exchange(request).await {
        Ok(answer) => Ok(answer.map(|incoming| CallBody::new(incoming, Lease::new(slot, connection)))),
        Err(mut error) => {
            let unsent = error.take_message();
            if unsent.is_some() {
                progress.sent = sent_before;
            }
            Err(Failed { error: error.into_error(), unsent, slot })
        }
    }
}

impl Progress {
    pub(super) const fn new() -> Self {
        Self { stage: Stage::Waiting, sent: Sent::No }
    }

    /// What it means that the deadline came now.
    pub(super) fn timed_out(self, authority: &Authority) -> CallError {
        let failed = |kind| CallError::new(kind, self.sent, authority);
        match self.stage {
            Stage::Waiting => failed(CallErrorKind::Busy),
            Stage::Connecting => failed(CallErrorKind::Connect).because("no answer before the deadline"),
            Stage::Sending => failed(CallErrorKind::Timeout),
        }
    }
}

/// A copy for one more try, if repeating does no harm (RFC 9110, section 9.2.2) and nothing was read from elsewhere.
fn spare(request: &Request<Body>) -> Option<Request<Body>> {
    let Body::Full(bytes) = request.body() else { return None };
    if !request.method().is_idempotent() {
        return None;
    }
    let mut copy = Request::new(Body::Full(bytes.clone()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// The connection ended before an answer: not an answer that cannot be read, and not a request that broke off.
fn ended_unanswered(error: &hyper::Error) -> bool {
    let ends = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
        )
    };
    error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || error.source().and_then(|source| source.downcast_ref::<io::Error>()).is_some_and(ends)
}
