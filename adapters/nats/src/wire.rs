//! Messages as NATS carries them: a subject, headers of text, a body.
//!
//! Headers on NATS are lines of UTF-8 with blanks cut off at both ends. A value that would not survive that (a key or
//! a correlation id made of a body can hold anything) travels as `base64:` and its base 64.
//!
//! A message of a foreign program with headers that are no UTF-8 cannot be read: the client library takes it for a
//! broken connection.

use std::borrow::Cow;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use compact_str::CompactString;
use data_encoding::BASE64;
use sidegate_broker::{BrokerError, Message, Names};

use crate::error;

const MESSAGE_ID: &str = "message-id";
const CORRELATION_ID: &str = "correlation-id";
const REPLY_TO: &str = "reply-to";
const CONTENT_TYPE: &str = "content-type";
const KEY: &str = "sidegate-key";
const ENCODED: &str = "base64:";

/// Reads and writes headers.
pub(crate) struct Wire {
    names: Names,
}

/// What of a message the way it goes does not carry by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs<'a> {
    pub(crate) id: bool,
    pub(crate) correlation_id: Option<&'a str>,
    pub(crate) reply_to: Option<&'a str>,
}

impl<'a> Needs<'a> {
    /// Everything stands in the headers.
    pub(crate) fn all(message: &'a Message) -> Self {
        let id = || message.reply_to.as_ref().map(|_| &message.id);
        let correlation_id = message.correlation_id.as_ref().or_else(id);
        Self {
            id: true,
            correlation_id: correlation_id.map(CompactString::as_str).filter(|id| !id.is_empty()),
            reply_to: message.reply_to.as_deref(),
        }
    }

    /// The native reply subject says where to answer, and to what.
    pub(crate) fn of_native_request(message: &'a Message) -> Self {
        Self { id: true, correlation_id: message.correlation_id.as_deref(), reply_to: None }
    }

    /// The subject says what it answers.
    pub(crate) const fn of_native_reply() -> Self {
        Self { id: false, correlation_id: None, reply_to: None }
    }
}

impl Wire {
    pub(crate) fn new(names: Names) -> Self {
        Self { names }
    }

    /// The headers of a message; `None` where it needs none.
    pub(crate) fn write(
        &self,
        message: &Message,
        needs: Needs<'_>,
    ) -> Result<Option<HeaderMap>, BrokerError> {
        let mut headers = HeaderMap::new();
        if needs.id && !message.id.is_empty() {
            headers.insert(NATS_MESSAGE_ID, value(&message.id));
            if self.names.renames(MESSAGE_ID) {
                self.put(&mut headers, MESSAGE_ID, &message.id)?;
            }
        }
        let properties = [
            (CORRELATION_ID, needs.correlation_id),
            (REPLY_TO, needs.reply_to),
            (CONTENT_TYPE, message.content_type.as_deref()),
            (KEY, message.key.as_deref()),
        ];
        for (name, value) in properties {
            if let Some(value) = value {
                self.put(&mut headers, name, value)?;
            }
        }
        for (name, value) in &message.headers {
            self.put(&mut headers, name, value)?;
        }
        Ok((!headers.is_empty()).then_some(headers))
    }

    fn put(&self, headers: &mut HeaderMap, name: &str, text: &str) -> Result<(), BrokerError> {
        headers.append(header_name(self.names.wire(name))?, value(text));
        Ok(())
    }

    /// A message that came for `destination`.
    pub(crate) fn read(&self, destination: &CompactString, came: async_nats::Message) -> Message {
        let mut message = Message::new("", destination.clone(), came.payload);
        let Some(headers) = came.headers else { return message };
        message.headers.reserve(headers.len());
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            for value in values {
                self.take(&mut message, name, value.as_str());
            }
        }
        message
    }

    fn take(&self, message: &mut Message, wire: &str, text: &str) {
        let ours = self.names.ours(wire);
        let name = if ours == wire { lower_case(wire) } else { Cow::Borrowed(ours) };
        let text = plain(text);
        match &*name {
            "nats-msg-id" if message.id.is_empty() => message.id = text,
            MESSAGE_ID if self.names.renames(MESSAGE_ID) => message.id = text,
            CORRELATION_ID => message.correlation_id = Some(text),
            REPLY_TO => message.reply_to = Some(text),
            CONTENT_TYPE => message.content_type = Some(text),
            KEY => message.key = Some(text),
            // NATS's own say nothing to a service.
            name if name.starts_with("nats-") => {}
            name => message.headers.push((name.into(), text)),
        }
    }
}

/// Those that travel with every message are not checked and allocated each time.
fn header_name(name: &str) -> Result<HeaderName, BrokerError> {
    macro_rules! known {
        ($($known:literal)*) => {
            match name {
                $($known => const { HeaderName::from_static($known) },)*
                other => return other.parse().map_err(|_| error::bad_header(name)),
            }
        };
    }
    Ok(known! {
        "correlation-id" "reply-to" "content-type" "sidegate-key" "sidegate-operation" "sidegate-correlation"
        "sidegate-method" "sidegate-path" "sidegate-deadline" "sidegate-status" "sidegate-durable"
        "sidegate-progress" "sidegate-step" "sidegate-action" "sidegate-attempt" "traceparent" "tracestate"
        "content-encoding" "content-language" "accept" "accept-language" "date" "server"
    })
}

fn value(text: &str) -> HeaderValue {
    if text.trim().len() == text.len()
        && let Ok(value) = text.parse()
    {
        return value;
    }
    HeaderValue::from([ENCODED, &BASE64.encode(text.as_bytes())].concat())
}

/// Undoes [`value`]. Somebody else's text that only looks encoded stays as it is, so that it is given back as it came.
fn plain(text: &str) -> CompactString {
    let decoded = text.strip_prefix(ENCODED).and_then(|text| BASE64.decode(text.as_bytes()).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.filter(|text| text.trim().len() != text.len() || text.contains(['\r', '\n']));
    decoded.map_or_else(|| text.into(), CompactString::from)
}

fn lower_case(name: &str) -> Cow<'_, str> {
    let has_upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if has_upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sidegate_broker::{Message, Names};

    use super::{Needs, Wire, plain, value};

    fn came(headers: Option<async_nats::HeaderMap>) -> async_nats::Message {
        async_nats::Message {
            subject: "orders".into(),
            reply: None,
            payload: Bytes::from_static(b"body"),
            headers,
            status: None,
            description: None,
            length: 0,
        }
    }

    fn full() -> Message {
        let mut message = Message::new("m-1", "orders", Bytes::from_static(b"body"));
        message.key = Some("customer 1\nand a line".into());
        message.correlation_id = Some("order-7".into());
        message.reply_to = Some("sidegate.replies.shop.1".into());
        message.content_type = Some("text/plain".into());
        message.headers =
            vec![("x-blank".into(), " edges ".into()), ("sidegate-method".into(), "PUT".into())];
        message
    }

    fn sorted(mut message: Message) -> Message {
        message.headers.sort();
        message
    }

    #[test]
    fn whatever_is_written_is_read_again() {
        let wire = Wire::new(Names::default());
        let headers = wire.write(&full(), Needs::all(&full())).expect("it can be written");
        assert_eq!(sorted(wire.read(&"orders".into(), came(headers))), sorted(full()));
    }

    #[test]
    fn renamed_headers_are_written_and_read_under_their_other_names() {
        let names = [("correlation-id", "kafka_correlationId"), ("message-id", "x-id")];
        let wire = Wire::new(Names::new(names.map(|(ours, wire)| (ours.into(), wire.into()))));
        let headers = wire.write(&full(), Needs::all(&full())).expect("it can be written").expect("headers");
        assert!(headers.get("kafka_correlationId").is_some() && headers.get("correlation-id").is_none());
        assert!(headers.get("Nats-Msg-Id").is_some(), "JetStream knows a message by its own header only");
        assert_eq!(sorted(wire.read(&"orders".into(), came(Some(headers)))), sorted(full()));
    }

    #[test]
    fn names_are_read_in_any_case_and_those_of_nats_are_left_out() {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Content-Type", "text/csv");
        headers.insert("Nats-Expected-Stream", "orders");
        headers.insert("X-Tenant", "a");
        let message = Wire::new(Names::default()).read(&"orders".into(), came(Some(headers)));
        assert_eq!(
            message.content_type.as_deref(),
            Some("text/csv"),
            "a foreign program writes it as it likes"
        );
        assert_eq!(message.headers, [("x-tenant".into(), "a".into())]);
    }

    #[test]
    fn a_header_that_nats_cannot_carry_is_refused_or_encoded_and_never_breaks_the_protocol() {
        let mut message = full();
        message.headers.push(("bad name".into(), "x".into()));
        let wire = Wire::new(Names::default());
        assert!(wire.write(&message, Needs::all(&message)).is_err(), "a name has no other form");
        for text in ["a\r\nPUB attack 0\r\n\r\n", " blank", "blank\u{a0}", "\n"] {
            let carried = value(text);
            assert!(!carried.as_str().contains(['\r', '\n']), "{text:?} stays one line");
            assert_eq!(plain(carried.as_str()), text, "and is the same text again");
        }
    }

    #[test]
    fn a_text_of_somebody_else_that_looks_encoded_goes_back_as_it_came() {
        for text in ["base64:!!", "base64:Zm9v", "base64:YQpi", "base64:/w=="] {
            assert_eq!(value(&plain(text)).as_str(), text, "given back byte for byte");
        }
    }
}
