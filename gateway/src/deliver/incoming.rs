//! What a message says, and what the templates of a consumer find in it.

use std::borrow::Cow;

use compact_str::CompactString;
use sidegate_broker::Message;
use sidegate_core::Timestamp;
use sidegate_core::template::{Place, RenderError, Values};

use crate::json::LazyBody;
use crate::names::message;

/// A received message with its Sidegate headers read.
pub(super) struct Incoming<'a> {
    pub(super) message: &'a Message,
    /// The id that the service and an outcome over HTTP know it by: the operation's, else the message's.
    pub(super) operation_id: CompactString,
    /// The business's own name; else the operation id.
    pub(super) correlation_id: CompactString,
    /// After this nobody waits for an answer.
    pub(super) deadline: Option<Timestamp>,
    /// The asker keeps a record: so does the consumer.
    pub(super) durable: bool,
    /// Sent by a gateway, which understands replies about progress.
    pub(super) from_gateway: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn read(message: &'a Message) -> Self {
        let operation = message.header(message::OPERATION);
        let operation_id = CompactString::from(operation.unwrap_or(&message.id));
        let correlation_id =
            message.header(message::CORRELATION).map_or_else(|| operation_id.clone(), Into::into);
        Self {
            message,
            correlation_id,
            deadline: message
                .header(message::DEADLINE)
                .and_then(|deadline| deadline.parse().ok())
                .map(Timestamp::from_unix_ms),
            durable: message.header(message::DURABLE) != Some("false"),
            from_gateway: operation.is_some(),
            operation_id,
        }
    }

    /// Whether what was executed can be told apart later: a foreign asker may send no message id.
    pub(super) fn can_be_remembered(&self) -> bool {
        self.durable && !self.message.id.is_empty()
    }

    pub(super) fn is_past_deadline(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

/// The places of a consumer's templates.
pub(super) struct MessageValues<'a> {
    pub(super) incoming: &'a Incoming<'a>,
    pub(super) body: LazyBody<'a>,
}

impl Values for MessageValues<'_> {
    fn value(&self, place: &Place) -> Result<Option<Cow<'_, str>>, RenderError> {
        let message = self.incoming.message;
        Ok(match place {
            Place::Header(name) if name == "content-type" => {
                message.content_type.as_deref().map(Cow::Borrowed)
            }
            Place::Header(name) => message.header(name).map(Cow::Borrowed),
            Place::Body(pointer) => self.body.text(pointer)?,
            Place::OperationId => Some(Cow::Borrowed(&self.incoming.operation_id)),
            Place::CorrelationId => Some(Cow::Borrowed(&self.incoming.correlation_id)),
            Place::MessageMethod => Some(Cow::Borrowed(message.header(message::METHOD).unwrap_or("POST"))),
            Place::MessagePath => Some(Cow::Borrowed(message.header(message::PATH).unwrap_or("/"))),
            Place::MessageDestination => Some(Cow::Borrowed(&message.destination)),
            Place::MessageKey => message.key.as_deref().map(Cow::Borrowed),
            Place::Path(_) | Place::Query(_) => None,
        })
    }
}
