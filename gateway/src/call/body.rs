//! The body of a service's answer, and the connection it comes on: given back when the body was read to its end,
//! closed when it was not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::error::{CallError, CallErrorKind, Sent};
use super::gather::{Gather, TooMany};
use super::service::{Lease, Service};

/// An answer's body, as it comes.
#[derive(Debug)]
pub struct CallBody {
    incoming: Incoming,
    service: Arc<Service>,
    lease: Option<Lease>,
}

impl CallBody {
    pub(super) fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut body = Self { incoming, service: lease.service(), lease: Some(lease) };
        body.give_back_if_ended();
        body
    }

    /// The whole body, if it has at most `bytes_max` bytes and comes before `deadline`.
    ///
    /// # Errors
    /// [`CallErrorKind::TooLarge`], [`CallErrorKind::Timeout`], or [`CallErrorKind::Closed`] when it broke off. The
    /// connection is closed then.
    pub async fn collect_bounded(mut self, bytes_max: usize, deadline: Instant) -> Result<Bytes, CallError> {
        match tokio::time::timeout_at(deadline, self.gather(bytes_max)).await {
            Ok(collected) => collected,
            Err(_) => Err(self.failed(CallErrorKind::Timeout)),
        }
    }

    async fn gather(&mut self, bytes_max: usize) -> Result<Bytes, CallError> {
        let too_large = |TooMany| TooLarge { bytes_max };
        let mut gather = Gather::new(bytes_max, self.size_hint().lower())
            .map_err(too_large)
            .map_err(|error| self.failed(CallErrorKind::TooLarge).because(error))?;
        while let Some(frame) = self.frame().await {
            let frame = frame.map_err(|error| self.failed(CallErrorKind::Closed).because(error))?;
            if let Ok(piece) = frame.into_data() {
                gather
                    .push(piece, self.size_hint().lower())
                    .map_err(too_large)
                    .map_err(|error| self.failed(CallErrorKind::TooLarge).because(error))?;
            }
        }
        Ok(gather.finish())
    }

    fn failed(&self, kind: CallErrorKind) -> CallError {
        CallError::new(kind, Sent::Maybe, &self.service.authority)
    }

    fn give_back_if_ended(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl HttpBody for CallBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { incoming, lease, .. } = &mut *self;
        let frame = std::task::ready!(match lease {
            Some(lease) => lease.connection().poll_frame(incoming, cx),
            None => Pin::new(incoming).poll_frame(cx),
        });
        match &frame {
            Some(Ok(_)) => self.give_back_if_ended(),
            Some(Err(_)) => self.lease = None,
            None => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// The bound that an answer passed, in words.
#[derive(Debug, thiserror::Error)]
#[error("it has more than {bytes_max} bytes: raise the limit of bodies or answer less")]
struct TooLarge {
    bytes_max: usize,
}
