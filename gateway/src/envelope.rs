//! From a request, as it is stored or held, to the message that carries it.

use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use sidegate_broker::{Channel, Message, Outbound};
use sidegate_store::{Request, RequestKind};

use crate::names::message;

/// What is written on a request when it leaves.
pub struct Envelope<'a> {
    /// The message's id: the operation's.
    pub id: &'a str,
    /// The business's own name; `None` means the operation id.
    pub correlation_id: Option<CompactString>,
    /// Where answers to this gateway's messages go.
    pub reply_to: &'a CompactString,
    /// Unix milliseconds after which nobody waits for an answer.
    pub deadline_ms: u64,
    /// Whether there is a record of it.
    pub durable: bool,
}

/// Closes the envelope. An event has no deadline: nobody waits for it, and it is as true later.
#[must_use]
pub fn seal(request: Request, envelope: Envelope<'_>) -> Outbound {
    let channel = if request.kind == RequestKind::Publish { Channel::Event } else { Channel::Command };
    let mut sealed = Message::new(envelope.id, request.target, request.body);
    sealed.key = request.key;
    sealed.reply_to = (request.kind == RequestKind::Send).then(|| envelope.reply_to.clone());
    sealed.headers.reserve(request.headers.len() + 5);
    for (name, value) in request.headers {
        if name == "content-type" {
            sealed.content_type = Some(value);
        } else {
            sealed.headers.push((name, value));
        }
    }
    let mut write = |name: &'static str, value: CompactString| sealed.headers.push((name.into(), value));
    match envelope.durable {
        true => write(message::OPERATION, envelope.id.into()),
        false => write(message::DURABLE, "false".into()),
    }
    if let Some(correlation_id) = envelope.correlation_id {
        write(message::CORRELATION, correlation_id);
    }
    write(message::METHOD, request.method);
    write(message::PATH, request.path);
    let expires_at_ms = (channel == Channel::Command).then_some(envelope.deadline_ms);
    if let Some(deadline_ms) = expires_at_ms {
        write(message::DEADLINE, format_compact!("{deadline_ms}"));
    }
    Outbound { channel, message: Arc::new(sealed), durable: envelope.durable, expires_at_ms }
}
