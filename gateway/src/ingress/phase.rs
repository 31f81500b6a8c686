//! What a connection is doing, told by those who see it: the socket (bytes come, bytes are written), the service (a
//! request begins) and the response's body (it is handed over). The watch reads it after each step.
//!
//! All of them live in one task, one after the other; the atomic is there because the body could be sent elsewhere.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::{Body, BodyError};

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Accepted; not a byte came.
    Fresh,
    /// A head has begun.
    Head,
    /// A request is with the handler, or its response is on its way.
    Busy,
    /// The whole response is with the protocol, not yet all of it with the system.
    Flushing,
    /// Between two requests.
    Idle,
    /// What came is not a request; the protocol has given up on the connection.
    Refused,
}

/// The phase and three notes beside it, changed together.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU32);

/// A reading of [`Progress`]. Two are equal only if nothing happened in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step(u32);

const PHASE: u32 = 0b111;
/// The client does not take what is written.
const BLOCKED: u32 = 1 << 3;
/// Bytes of the next request came before this one was through.
const EARLY: u32 = 1 << 4;
/// The last request had a body: there may be more of it in the socket than was read.
const UPLOAD: u32 = 1 << 5;
/// Everything above counts changes.
const CHANGE: u32 = 1 << 6;

impl Step {
    pub(super) const fn phase(self) -> Phase {
        match self.0 & PHASE {
            0 => Phase::Fresh,
            1 => Phase::Head,
            2 => Phase::Busy,
            3 => Phase::Flushing,
            4 => Phase::Idle,
            _ => Phase::Refused,
        }
    }

    pub(super) const fn is_blocked(self) -> bool {
        self.0 & BLOCKED != 0
    }

    pub(super) const fn had_upload(self) -> bool {
        self.0 & UPLOAD != 0
    }

    const fn to(self, phase: Phase) -> Self {
        Self((self.0 & !PHASE) | phase as u32)
    }

    const fn with(self, note: u32) -> Self {
        Self(self.0 | note)
    }

    const fn without(self, note: u32) -> Self {
        Self(self.0 & !note)
    }
}

impl Progress {
    pub(super) fn now(&self) -> Step {
        Step(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, step: Step) {
        self.0.store(step.0.wrapping_add(CHANGE), Ordering::Relaxed);
    }

    /// Bytes came from the client.
    pub(super) fn received(&self) {
        let now = self.now();
        match now.phase() {
            Phase::Fresh | Phase::Idle => self.set(now.to(Phase::Head)),
            Phase::Flushing => self.set(now.with(EARLY)),
            Phase::Head | Phase::Busy | Phase::Refused => {}
        }
    }

    /// A request begins.
    pub(super) fn request(&self, has_body: bool) {
        let now = self.now().to(Phase::Busy).without(EARLY | UPLOAD);
        self.set(if has_body { now.with(UPLOAD) } else { now });
    }

    /// The protocol has the whole response.
    fn answered(&self) {
        let now = self.now();
        if now.phase() == Phase::Busy {
            self.set(now.to(Phase::Flushing));
        }
    }

    /// The system has everything that was written.
    pub(super) fn flushed(&self) {
        let now = self.now();
        if now.phase() == Phase::Flushing {
            let next = if now.0 & EARLY == 0 { Phase::Idle } else { Phase::Head };
            self.set(now.to(next).without(EARLY));
        }
    }

    /// Something was written, or could not be because the client does not read.
    pub(super) fn wrote(&self, is_blocked: bool) {
        let now = self.now();
        match (now.is_blocked(), is_blocked) {
            (false, true) => self.set(now.with(BLOCKED)),
            (true, false) => self.set(now.without(BLOCKED)),
            _ => {}
        }
    }

    /// Whether what is written now is the protocol's own refusal: nobody answers where nobody asked.
    pub(super) fn refuses(&self) -> bool {
        let now = self.now();
        match now.phase() {
            Phase::Busy | Phase::Flushing => false,
            Phase::Refused => true,
            Phase::Fresh | Phase::Head | Phase::Idle => {
                self.set(now.to(Phase::Refused));
                true
            }
        }
    }
}

/// The body of a response; its end, or its being dropped, is the end of what there is to write.
pub(super) struct Tracked {
    body: Body,
    progress: Arc<Progress>,
}

impl Tracked {
    pub(super) const fn new(body: Body, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.progress.answered();
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Progress};

    #[test]
    fn a_connection_goes_from_request_to_request() {
        let progress = Progress::default();
        let phase = || progress.now().phase();
        assert_eq!(phase(), Phase::Fresh);
        progress.received();
        assert_eq!(phase(), Phase::Head, "the first byte begins a head");
        progress.request(false);
        progress.flushed();
        assert_eq!(phase(), Phase::Busy, "a flush before the response is not its end");
        progress.answered();
        assert_eq!(phase(), Phase::Flushing);
        progress.flushed();
        assert_eq!(phase(), Phase::Idle);
        progress.received();
        assert_eq!(phase(), Phase::Head);
    }

    #[test]
    fn a_request_that_begins_before_the_last_response_is_out_has_begun() {
        let progress = Progress::default();
        progress.request(false);
        progress.answered();
        progress.received();
        progress.flushed();
        assert_eq!(
            progress.now().phase(),
            Phase::Head,
            "its time runs: a slow client cannot hide behind a response"
        );
    }

    #[test]
    fn only_what_is_written_without_a_request_is_a_refusal() {
        let progress = Progress::default();
        progress.request(true);
        assert!(!progress.refuses(), "a response");
        progress.answered();
        assert!(!progress.refuses(), "the rest of it");
        progress.flushed();
        assert!(progress.refuses(), "nobody asked");
        assert_eq!(progress.now().phase(), Phase::Refused);
        assert!(progress.now().had_upload(), "what was noted stays");
    }

    #[test]
    fn every_change_is_seen_even_one_that_leads_back() {
        let progress = Progress::default();
        progress.request(false);
        let before = progress.now();
        progress.wrote(false);
        assert_eq!(progress.now(), before, "nothing new");
        progress.wrote(true);
        progress.wrote(false);
        assert_ne!(progress.now(), before, "the client took something in between: its time starts again");
    }
}
