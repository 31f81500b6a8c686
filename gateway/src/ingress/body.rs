//! A request's body, within its limits: gathered into memory, or passed on piece by piece.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, Sleep, sleep, timeout_at};

use crate::body::Body;
use crate::call::{Gather, TooMany};
use crate::respond::{Code, Problem};

/// The whole body.
///
/// One that announces more than `bytes_max` bytes is refused before any of it is read, one that does not announce
/// its size as soon as it passes the limit. A body that comes in one piece is not copied.
///
/// # Errors
/// 413 for the size; 408 when no piece came for `idle_timeout` or the whole took longer than `total_timeout`; 400
/// when it broke off or its framing is broken. The connection closes after these answers.
pub async fn read_body(
    mut body: Incoming,
    bytes_max: usize,
    idle_timeout: Duration,
    total_timeout: Duration,
) -> Result<Bytes, Problem> {
    let too_large = |TooMany| too_large(bytes_max);
    let mut gather = Gather::new(bytes_max, body.size_hint().lower()).map_err(too_large)?;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let end = Instant::now() + total_timeout;
    loop {
        let patience = (Instant::now() + idle_timeout).min(end);
        let frame =
            timeout_at(patience, body.frame()).await.map_err(|_| too_slow(idle_timeout, total_timeout))?;
        let Some(frame) = frame else { return Ok(gather.finish()) };
        if let Ok(piece) = frame.map_err(|error| broken(&error))?.into_data() {
            gather.push(piece, body.size_hint().lower()).map_err(too_large)?;
        }
        if body.is_end_stream() {
            return Ok(gather.finish());
        }
    }
}

/// The body to pass on as it comes. A limit that is passed on the way breaks it off with a [`BodyFault`].
///
/// # Errors
/// 413 when it announces more than `bytes_max` bytes.
pub fn stream_body(
    body: Incoming,
    bytes_max: Option<usize>,
    idle_timeout: Duration,
) -> Result<Body, Problem> {
    let bytes_max = bytes_max.unwrap_or(usize::MAX);
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    if body.is_end_stream() {
        return Ok(Body::empty());
    }
    let timer = Box::pin(sleep(idle_timeout));
    let paced = Paced { body, bytes_max, bytes_left: bytes_max, idle_timeout, timer, is_waiting: false };
    Ok(Body::stream(paced))
}

/// Why a body that is passed on broke off. Whoever sends it sees only an error: [`BodyFault::cause_of`] finds this
/// one in it.
#[derive(Debug)]
pub struct BodyFault(Problem);

impl BodyFault {
    /// What to tell the client, if `error` comes of its own request's body.
    #[must_use]
    pub fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Problem> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(Self(problem)) = error.downcast_ref() {
                return Some(problem);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for BodyFault {}

/// A body that may neither grow nor pause beyond its limits.
struct Paced {
    body: Incoming,
    bytes_max: usize,
    bytes_left: usize,
    idle_timeout: Duration,
    timer: Pin<Box<Sleep>>,
    /// The timer runs: somebody wants the next piece, and it is not there.
    is_waiting: bool,
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.poll_patience(cx));
            return Poll::Ready(Some(Err(BodyFault(too_slow(self.idle_timeout, self.idle_timeout)))));
        };
        self.is_waiting = false;
        Poll::Ready(frame.map(|frame| self.measure(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Paced {
    /// Runs from the moment that somebody waits: a receiver that takes its time is not the client's fault.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_waiting {
            self.is_waiting = true;
            let deadline = Instant::now() + self.idle_timeout;
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }

    fn measure(&mut self, frame: Result<Frame<Bytes>, hyper::Error>) -> Result<Frame<Bytes>, BodyFault> {
        let frame = frame.map_err(|error| BodyFault(broken(&error)))?;
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.bytes_left =
            self.bytes_left.checked_sub(bytes).ok_or_else(|| BodyFault(too_large(self.bytes_max)))?;
        Ok(frame)
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body has more than {bytes_max} bytes, which is the limit here"),
    )
    .with("bytes_max", bytes_max)
}

fn too_slow(idle_timeout: Duration, total_timeout: Duration) -> Problem {
    let detail =
        format!("the body paused for more than {idle_timeout:?}, or took longer than {total_timeout:?}");
    Problem::new(Code::BodyTimeout, detail)
}

fn broken(error: &hyper::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("the body cannot be read to its end: {error}"))
}
