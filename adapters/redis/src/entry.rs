//! A message as the fields of a stream's entry, and back. The body is the last field, `body`; every other field is a
//! property or a header of the same name.

use std::borrow::Cow;

use bytes::Bytes;
use compact_str::CompactString;
use data_encoding::BASE64;
use redis::{Cmd, Value};
use sidegate_broker::{Message, Names};

const BODY: &str = "body";
const MESSAGE_ID: &str = "message-id";
const CORRELATION_ID: &str = "correlation-id";
const REPLY_TO: &str = "reply-to";
const CONTENT_TYPE: &str = "content-type";
const KEY: &str = "sidegate-key";
/// A value of bytes that are no text stands in a message as this and their base64.
const BINARY: &str = "base64:";

/// An entry as Redis gives it.
pub(crate) struct Entry {
    pub(crate) id: CompactString,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Adds the fields of `message` to a command.
pub(crate) fn write(command: &mut Cmd, message: &Message, names: &Names) {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in properties(message).into_iter().flatten().chain(headers) {
        command.arg(names.wire(name)).arg(&*to_wire(value));
    }
    command.arg(BODY).arg(&message.body[..]);
}

/// Who is asked answers with the correlation id, so a request has one.
fn properties(message: &Message) -> [Option<(&'static str, &str)>; 5] {
    let asked = message.reply_to.as_ref().map(|_| &message.id);
    let correlation = message.correlation_id.as_ref().or(asked);
    let all = [
        (MESSAGE_ID, Some(&message.id).filter(|id| !id.is_empty())),
        (CORRELATION_ID, correlation.filter(|id| !id.is_empty())),
        (REPLY_TO, message.reply_to.as_ref()),
        (CONTENT_TYPE, message.content_type.as_ref()),
        (KEY, message.key.as_ref()),
    ];
    all.map(|(name, value)| Some((name, value?.as_str())))
}

impl Entry {
    /// The message that came from `stream`.
    pub(crate) fn into_message(mut self, stream: &str, names: &Names) -> Message {
        let body = self.fields.iter().rposition(|(name, _)| name == BODY.as_bytes());
        let body = body.map(|at| self.fields.remove(at).1).unwrap_or_default();
        let mut message = Message::new("", stream, Bytes::from(body));
        for (name, value) in self.fields {
            let name = String::from_utf8_lossy(&name);
            let (name, value) = (names.ours(&name), from_wire(&value));
            set(&mut message, name, value);
        }
        message
    }
}

/// The first of a name is the property.
fn set(message: &mut Message, name: &str, value: CompactString) {
    match name {
        MESSAGE_ID if message.id.is_empty() => message.id = value,
        CORRELATION_ID if message.correlation_id.is_none() => message.correlation_id = Some(value),
        REPLY_TO if message.reply_to.is_none() => message.reply_to = Some(value),
        CONTENT_TYPE if message.content_type.is_none() => message.content_type = Some(value),
        KEY if message.key.is_none() => message.key = Some(value),
        _ => message.headers.push((name.into(), value)),
    }
}

fn to_wire(value: &str) -> Cow<'_, [u8]> {
    encoded(value).map_or(Cow::Borrowed(value.as_bytes()), Cow::Owned)
}

fn from_wire(value: &[u8]) -> CompactString {
    match std::str::from_utf8(value) {
        Ok(text) if encoded(text).is_none() => text.into(),
        _ => (BINARY.to_owned() + &BASE64.encode(value)).into(),
    }
}

/// The bytes that a value stands for, unless it stands for itself. What is text without this is not encoded, but for
/// text that looks as if it were.
fn encoded(value: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(value.strip_prefix(BINARY)?.as_bytes()).ok()?;
    let is_plain = std::str::from_utf8(&bytes).is_ok_and(|text| encoded(text).is_none());
    (!is_plain).then_some(bytes)
}

/// The entries of one stream in what XREADGROUP answered: nothing, or one stream and its entries.
pub(crate) fn of_read(answer: Value) -> Vec<Entry> {
    let stream = list(answer).and_then(|streams| streams.into_iter().next());
    let entries = stream.and_then(list).and_then(|mut stream| stream.pop());
    entries.map(of_list).unwrap_or_default()
}

/// `[[id, [name, value, …]], …]`; what was deleted meanwhile has no fields, and is left out.
pub(crate) fn of_list(entries: Value) -> Vec<Entry> {
    let entries = list(entries).unwrap_or_default().into_iter();
    let read = entries.filter_map(|entry| redis::from_redis_value::<(String, Vec<_>)>(entry).ok());
    read.filter(|(_, fields)| !fields.is_empty())
        .map(|(id, fields)| Entry { id: id.into(), fields })
        .collect()
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;
    use sidegate_broker::{Message, Names};

    use super::{Entry, from_wire, of_read, to_wire};

    fn entry(fields: &[(&str, &[u8])]) -> Entry {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
        Entry { id: "1-0".into(), fields }
    }

    #[test]
    fn a_worker_without_sidegate_needs_a_body_and_nothing_else() {
        let message = entry(&[("body", b"{}")]).into_message("orders", &Names::default());
        assert_eq!(message, Message::new("", "orders", "{}".into()), "there is nothing that it must send");
    }

    #[test]
    fn a_header_called_body_is_a_header_and_a_second_property_too() {
        let fields: [(&str, &[u8]); 4] =
            [("body", b"header"), ("reply-to", b"a"), ("reply-to", b"b"), ("body", b"{}")];
        let message = entry(&fields).into_message("orders", &Names::default());
        assert_eq!(message.body, "{}", "the last field of that name is the body");
        assert_eq!(message.reply_to.as_deref(), Some("a"), "the first of a name is the property");
        assert_eq!(message.header("body"), Some("header"));
        assert_eq!(message.header("reply-to"), Some("b"), "nothing is left out");
    }

    #[test]
    fn a_value_comes_back_byte_for_byte_text_or_not() {
        let texts =
            [&b"base64:/w=="[..], b"base64:YmFzZTY0Oi93PT0=", b"base64:aGVsbG8=", b"base64:", b"plain", b""];
        for bytes in [&b"\xff\x00\x80"[..], b"\xff"].into_iter().chain(texts) {
            assert_eq!(&*to_wire(&from_wire(bytes)), bytes, "{bytes:?}");
        }
        assert_eq!(from_wire(b"base64:aGVsbG8="), "base64:aGVsbG8=", "text stays text");
    }

    #[test]
    fn a_renamed_header_is_found_under_its_own_name() {
        let names = Names::new([("correlation-id".into(), "cid".into())]);
        let message = entry(&[("cid", b"7"), ("body", b"")]).into_message("orders", &names);
        assert_eq!(message.correlation_id.as_deref(), Some("7"));
    }

    #[test]
    fn a_read_that_waited_for_nothing_has_no_entries() {
        assert!(of_read(Value::Nil).is_empty() && of_read(Value::Array(Vec::new())).is_empty());
    }
}
