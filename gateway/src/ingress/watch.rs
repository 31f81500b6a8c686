//! The one timer of a connection.
//!
//! Deadlines move with every request, timers are dear to move: the timer stays where it is until it fires, and is
//! then set to where the deadline has gone meanwhile. It is moved at once only to fire earlier.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Duration, Instant, Sleep};

use super::phase::{Phase, Progress, Step};
use super::{Drain, Timeout, Timeouts};

/// After the drain has started: for a request that is on its way on a new connection.
const FIRST_BYTE_GRACE: Duration = Duration::from_secs(1);

/// Who watches over a connection.
pub(super) struct Watch<'a> {
    progress: &'a Progress,
    timeouts: Timeouts,
    drain: &'a Drain,
    timer: Pin<&'a mut Sleep>,
    /// The last step seen, and when.
    step: Step,
    since: Instant,
    /// When the drain was seen to have started.
    draining_since: Option<Instant>,
    has_told: bool,
}

/// What a starting drain means to a connection at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing more, or not yet: a request is on its way.
    Go,
    /// Nobody waits for anything: close.
    Now,
    /// After the response that is under way. Said once.
    AfterResponse,
}

impl<'a> Watch<'a> {
    /// `timer` is set to the first byte's deadline.
    pub(super) fn new(
        progress: &'a Progress,
        timeouts: Timeouts,
        drain: &'a Drain,
        timer: Pin<&'a mut Sleep>,
    ) -> Self {
        let since = Instant::now();
        Self {
            progress,
            timeouts,
            drain,
            timer,
            step: progress.now(),
            since,
            draining_since: None,
            has_told: false,
        }
    }

    /// Whether the connection is to stop. To be asked after the protocol had its turn, so that a request which is
    /// there already has been seen.
    pub(super) fn stop(&mut self) -> Stop {
        if self.has_told || !self.drain.has_started() {
            return Stop::Go;
        }
        self.draining_since.get_or_insert_with(Instant::now);
        match self.progress.now().phase() {
            Phase::Fresh | Phase::Head | Phase::Refused => Stop::Go,
            Phase::Idle => Stop::Now,
            Phase::Busy | Phase::Flushing => {
                self.has_told = true;
                Stop::AfterResponse
            }
        }
    }

    /// Ready when the connection took too long for what it is doing.
    pub(super) fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<Timeout> {
        let step = self.progress.now();
        if step != self.step {
            self.step = step;
            self.since = Instant::now();
        }
        let Some((kind, deadline)) = self.deadline() else { return Poll::Pending };
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= deadline {
                return Poll::Ready(kind);
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    fn deadline(&self) -> Option<(Timeout, Instant)> {
        if self.step.is_blocked() {
            return Some((Timeout::Write, self.since + self.timeouts.idle));
        }
        match self.step.phase() {
            Phase::Fresh => {
                let grace = self.draining_since.map(|since| since + FIRST_BYTE_GRACE);
                let deadline = self.since + self.timeouts.first_byte;
                Some((Timeout::FirstByte, grace.map_or(deadline, |grace| grace.min(deadline))))
            }
            Phase::Head => Some((Timeout::Header, self.since + self.timeouts.header)),
            Phase::Idle => Some((Timeout::Idle, self.since + self.timeouts.idle)),
            Phase::Busy | Phase::Flushing | Phase::Refused => None,
        }
    }
}
