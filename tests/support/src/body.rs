//! Bodies that are there at once, and bodies that come piece by piece.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// Any body that a test sends or a service answers with.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body that the test gives out by the piece: what is sent into it goes onto the wire; dropping the sender ends it.
#[must_use]
pub fn pieces() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, streamed(receiver, None))
}

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The pieces of `receiver`, then the end, or the break-off where there is an error.
pub(crate) fn streamed(receiver: mpsc::Receiver<Bytes>, then: Option<io::Error>) -> Body {
    let frames = stream::unfold((receiver, then), |(mut receiver, then)| async move {
        match (receiver.recv().await, then) {
            (Some(bytes), then) => Some((Ok(Frame::data(bytes)), (receiver, then))),
            (None, Some(error)) => Some((Err(error), (receiver, None))),
            (None, None) => None,
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
