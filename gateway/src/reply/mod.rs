//! Answers coming back over a broker: matched by the request's message id, recorded first, then told.

mod inbox;
mod waiters;

pub use inbox::run;
pub use waiters::{Waiter, Waiters};

use sidegate_broker::Message;
use sidegate_core::Answer;
use sidegate_core::operation::Event;

use crate::names::message;

/// What a reply says.
pub(crate) enum Reply {
    /// The answer.
    Answer(Answer),
    /// How far it got; the answer comes later.
    Progress(Event),
}

/// Reads a reply. A worker without Sidegate sends a body and nothing else: that is a 200.
pub(crate) fn read(reply: &Message) -> Reply {
    match reply.header(message::PROGRESS) {
        Some("parked") => return Reply::Progress(Event::Parked),
        Some(_) => return Reply::Progress(Event::Started),
        None => {}
    }
    let status = reply.header(message::STATUS).and_then(|status| status.parse().ok()).unwrap_or(200);
    let mut headers = Vec::with_capacity(reply.headers.len() + 1);
    if let Some(content_type) = &reply.content_type {
        headers.push(("content-type".into(), content_type.clone()));
    }
    headers.extend(reply.headers.iter().filter(|(name, _)| !message::ALL.contains(&name.as_str())).cloned());
    Reply::Answer(Answer { status, headers, body: reply.body.clone() })
}
