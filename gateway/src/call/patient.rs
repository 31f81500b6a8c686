//! An answer's body whose service must go on with it: one that stalls would keep its connection, and the caller, for
//! ever.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Duration, Instant, Sleep, sleep};

use super::body::CallBody;
use crate::body::BodyError;

/// Breaks off, and closes the connection to the service, when a piece is waited for too long.
#[derive(Debug)]
pub struct Patient {
    body: CallBody,
    pause_max: Duration,
    timer: Pin<Box<Sleep>>,
    /// The timer runs: somebody wants the next piece, and it is not there.
    is_waiting: bool,
}

impl CallBody {
    /// The body to pass on as it comes, with no pause longer than `pause_max`. The time runs only while somebody waits
    /// for the next piece: a caller who takes his time is not the service's fault.
    #[must_use]
    pub fn patient(self, pause_max: Duration) -> Patient {
        Patient { body: self, pause_max, timer: Box::pin(sleep(pause_max)), is_waiting: false }
    }
}

impl Patient {
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_waiting {
            self.is_waiting = true;
            let deadline = Instant::now() + self.pause_max;
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.poll_patience(cx));
            let words =
                format!("the service paused for more than {:?} in the middle of its answer", self.pause_max);
            tracing::debug!("{words}");
            return Poll::Ready(Some(Err(io::Error::new(ErrorKind::TimedOut, words).into())));
        };
        self.is_waiting = false;
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
