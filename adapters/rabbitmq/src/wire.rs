//! A message as AMQP has it: properties where the protocol has them, a table of headers for the rest.
//!
//! Where `names` renames a property's header, the header of that name is used in its place. A value too long for a
//! property, or not text, travels in the header of the canonical name. Reading looks at the header first.
//!
//! A message's own time to live is never set: it would be dead-lettered unseen at its deadline, and the consumer that
//! answers "timed out" for it would never have it.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use sidegate_broker::{BrokerError, Channel, Message, Names};

use crate::error;
use crate::values;

pub(crate) const MESSAGE_ID: &str = "message-id";
const CORRELATION_ID: &str = "correlation-id";
const REPLY_TO: &str = "reply-to";
const CONTENT_TYPE: &str = "content-type";
const CONTENT_ENCODING: &str = "content-encoding";
const KEY: &str = "sidegate-key";

const DELIVERY_MODE_TRANSIENT: u8 = 1;
const DELIVERY_MODE_PERSISTENT: u8 = 2;

/// Properties and headers travel in one frame: a server that is sent a larger one ends the connection.
pub(crate) const FRAME_BYTES_MAX: u32 = 64 * 1024;
const HEADERS_BYTES_MAX: usize = FRAME_BYTES_MAX as usize - 4 * 1024;

/// What the broker writes about its own doing.
const BROKERS_OWN: [&str; 3] = ["x-delivery-count", "x-acquired-count", "x-death"];
const BROKERS_OWN_PREFIXES: [&str; 2] = ["x-first-death-", "x-last-death-"];

/// Properties being written.
struct Writer<'a> {
    names: &'a Names,
    properties: BasicProperties,
    headers: FieldTable,
    bytes: usize,
}

/// Sets one property.
type Setter = fn(BasicProperties, ShortString) -> BasicProperties;

/// What goes out with the body.
pub(crate) fn outgoing(
    message: &Message,
    channel: Channel,
    is_durable: bool,
    names: &Names,
) -> Result<BasicProperties, BrokerError> {
    let mode = if is_durable { DELIVERY_MODE_PERSISTENT } else { DELIVERY_MODE_TRANSIENT };
    let properties = BasicProperties::default().with_delivery_mode(mode);
    let mut writer = Writer { names, properties, headers: FieldTable::default(), bytes: 0 };
    if !message.id.is_empty() {
        writer.property(MESSAGE_ID, &message.id, BasicProperties::with_message_id)?;
    }
    if let Some(correlation_id) = correlation_id(message, channel) {
        writer.property(CORRELATION_ID, correlation_id, BasicProperties::with_correlation_id)?;
    }
    if let Some(reply_to) = &message.reply_to {
        writer.property(REPLY_TO, reply_to, BasicProperties::with_reply_to)?;
    }
    if let Some(content_type) = &message.content_type {
        writer.property(CONTENT_TYPE, content_type, BasicProperties::with_content_type)?;
    }
    if let Some(key) = &message.key {
        writer.header(KEY, key)?;
    }
    for (name, value) in &message.headers {
        match name.as_str() {
            CONTENT_ENCODING => writer.property(name, value, BasicProperties::with_content_encoding)?,
            _ => writer.header(name, value)?,
        }
    }
    writer.finish()
}

/// What an answer must carry: a request without a name of its own is known by its message id.
fn correlation_id(message: &Message, channel: Channel) -> Option<&str> {
    let own = message.correlation_id.as_deref();
    let is_request = channel == Channel::Command && message.reply_to.is_some() && !message.id.is_empty();
    own.or_else(|| is_request.then_some(message.id.as_str()))
}

impl Writer<'_> {
    fn property(&mut self, name: &str, value: &str, set: Setter) -> Result<(), BrokerError> {
        let short = if self.names.renames(name) { None } else { short_text(value) };
        let Some(short) = short else { return self.header(name, value) };
        self.bytes += short.as_str().len();
        self.properties = set(std::mem::take(&mut self.properties), short);
        Ok(())
    }

    fn header(&mut self, name: &str, value: &str) -> Result<(), BrokerError> {
        const OVERHEAD_BYTES: usize = 6;
        let wire = self.names.wire(name);
        let short = ShortString::try_new(wire).map_err(|_| error::name_too_long("header", wire))?;
        self.bytes += wire.len() + value.len() + OVERHEAD_BYTES;
        let mut written = values::value_of(value);
        if let Some(before) = self.headers.inner().get(wire) {
            written = before.clone();
            values::append(&mut written, value);
        }
        self.headers.insert(short, written);
        Ok(())
    }

    fn finish(self) -> Result<BasicProperties, BrokerError> {
        if self.bytes > HEADERS_BYTES_MAX {
            return Err(error::too_large("headers", self.bytes, HEADERS_BYTES_MAX));
        }
        Ok(self.properties.with_headers(self.headers))
    }
}

/// `None` when it does not fit into a property.
fn short_text(value: &str) -> Option<ShortString> {
    String::from_utf8(values::bytes_of(value)).ok().and_then(|text| ShortString::try_new(text).ok())
}

/// A message as it came, and which attempt the broker says it is.
pub(crate) fn incoming(
    delivery: &mut Delivery,
    destination: &CompactString,
    names: &Names,
) -> (Arc<Message>, u32) {
    let properties = std::mem::take(&mut delivery.properties);
    let body = Bytes::from(std::mem::take(&mut delivery.data));
    let mut message = Message::new("", destination.clone(), body);
    let table = properties.headers().clone().unwrap_or_default();
    for (wire, value) in &table {
        read_header(&mut message, wire.as_str(), value, names);
    }
    read_properties(&mut message, &properties);
    (Arc::new(message), attempt(&table, delivery.redelivered))
}

fn read_header(message: &mut Message, wire: &str, value: &AMQPValue, names: &Names) {
    if is_brokers_own(wire) {
        return;
    }
    let name = names.ours(wire).to_ascii_lowercase();
    for text in values::texts_of(value) {
        match name.as_str() {
            MESSAGE_ID => message.id = text,
            CORRELATION_ID => message.correlation_id = Some(text),
            REPLY_TO => message.reply_to = Some(text),
            CONTENT_TYPE => message.content_type = Some(text),
            KEY => message.key = Some(text),
            _ => message.headers.push((name.as_str().into(), text)),
        }
    }
}

/// Where no header said it already.
fn read_properties(message: &mut Message, properties: &BasicProperties) {
    let text = |property: &Option<ShortString>| {
        property.as_ref().map(|text| values::text_of(text.as_str().as_bytes()))
    };
    if message.id.is_empty() {
        message.id = text(properties.message_id()).unwrap_or_default();
    }
    message.correlation_id = message.correlation_id.take().or_else(|| text(properties.correlation_id()));
    message.reply_to =
        message.reply_to.take().or_else(|| text(properties.reply_to())).filter(|to| !to.is_empty());
    message.content_type = message.content_type.take().or_else(|| text(properties.content_type()));
    if let Some(encoding) = text(properties.content_encoding()) {
        message.headers.push((CONTENT_ENCODING.into(), encoding));
    }
}

fn is_brokers_own(name: &str) -> bool {
    BROKERS_OWN.contains(&name) || BROKERS_OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A quorum queue counts how often the message came back; any other only tells that it did.
fn attempt(table: &FieldTable, is_redelivered: bool) -> u32 {
    let counted = table.inner().get("x-delivery-count").and_then(values::number_of);
    let before = counted.unwrap_or_else(|| u64::from(is_redelivered));
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lapin::message::Delivery;
    use lapin::types::{AMQPValue, ShortString};
    use sidegate_broker::{Channel, ErrorKind, Message, Names};

    use super::{incoming, outgoing};

    fn message() -> Message {
        Message {
            reply_to: Some("answers".into()),
            ..Message::new("m-1", "orders", Bytes::from_static(b"{}"))
        }
    }

    fn received(message: &Message, names: &Names) -> Message {
        let properties = outgoing(message, Channel::Command, true, names).expect("a message that fits");
        let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, message.body.to_vec());
        delivery.properties = properties;
        let (message, attempt) = incoming(&mut delivery, &"orders".into(), names);
        assert_eq!(attempt, 1, "it comes for the first time");
        std::sync::Arc::unwrap_or_clone(message)
    }

    #[test]
    fn a_request_is_known_by_its_message_id_where_it_has_no_other_name() {
        let properties = outgoing(&message(), Channel::Command, true, &Names::default()).expect("properties");
        assert_eq!(
            properties.correlation_id().as_ref().map(ShortString::as_str),
            Some("m-1"),
            "a worker gives it back"
        );
        let event = outgoing(&message(), Channel::Event, true, &Names::default()).expect("properties");
        assert!(event.correlation_id().is_none(), "nobody answers an event");
    }

    #[test]
    fn renamed_properties_travel_in_headers_of_their_names_and_are_found_again() {
        let names = Names::new([
            ("correlation-id".into(), "kafka_correlationId".into()),
            ("reply-to".into(), "spring_replyTo".into()),
        ]);
        let sent = Message { correlation_id: Some("c-1".into()), ..message() };
        let properties = outgoing(&sent, Channel::Command, true, &names).expect("properties");
        assert!(properties.correlation_id().is_none(), "the header stands in the property's place");
        let headers = properties.headers().clone().expect("headers");
        assert!(headers.contains_key("spring_replyTo"), "under the wire's name");
        assert_eq!(received(&sent, &names), sent, "and is read back under ours");
    }

    #[test]
    fn what_does_not_fit_a_property_travels_in_a_header() {
        let long = Message { correlation_id: Some("x".repeat(300).into()), ..message() };
        assert_eq!(received(&long, &Names::default()), long, "a long correlation id is whole");
        let binary = Message { correlation_id: Some("base64:/wA=".into()), ..message() };
        assert_eq!(received(&binary, &Names::default()), binary, "a binary one too");
    }

    #[test]
    fn headers_larger_than_a_frame_are_refused_before_they_end_the_connection() {
        let headers = vec![("x-large".into(), "x".repeat(64 * 1024).into())];
        let large = Message { headers, ..message() };
        let error = outgoing(&large, Channel::Command, true, &Names::default()).expect_err("too large");
        assert_eq!(error.kind, ErrorKind::TooLarge, "{error}");
    }

    #[test]
    fn repeated_headers_and_an_encoding_come_back() {
        let headers = vec![
            ("x-tag".into(), "a".into()),
            ("x-tag".into(), "b".into()),
            ("content-encoding".into(), "gzip".into()),
        ];
        let sent = Message { headers, ..message() };
        let back = received(&sent, &Names::default());
        assert_eq!(back.headers, sent.headers, "in their order");
    }

    #[test]
    fn the_brokers_own_headers_are_not_the_messages() {
        let mut delivery = Delivery::mock(1, "".into(), "orders".into(), true, Vec::new());
        let mut headers = lapin::types::FieldTable::default();
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(4));
        headers.insert("x-first-death-queue".into(), AMQPValue::LongString("orders".into()));
        delivery.properties = lapin::BasicProperties::default().with_headers(headers);
        let (message, attempt) = incoming(&mut delivery, &"orders".into(), &Names::default());
        assert!(message.headers.is_empty(), "they would travel on with an answer");
        assert_eq!(attempt, 5, "four came back before");
    }
}
