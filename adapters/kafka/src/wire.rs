//! A message and its record, both ways. Names on the wire are lower case, as the contract has them, or as the config
//! renames them; every value is text, and one that is not UTF-8 comes out byte for byte as it came in.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString as _, format_compact};
use data_encoding::BASE64;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use sidegate_broker::{Message, Names};

use crate::address::{Address, parse_partition};

const MESSAGE_ID: &str = "message-id";
const CORRELATION_ID: &str = "correlation-id";
const REPLY_TO: &str = "reply-to";
const REPLY_PARTITION: &str = "reply-partition";
const CONTENT_TYPE: &str = "content-type";

/// On a reply that was written to a partition because the asker named it: which. Who reads the topic for another
/// partition skips it; a reply without it went wherever its worker let it.
const PARTITION: &str = "sidegate-partition";

/// Spring writes and reads the partition as four bytes.
const SPRING_REPLY_PARTITION: &str = "kafka_replyPartition";

/// Bytes that are not UTF-8 are this and their base64; so is text that would be taken for such.
const BYTES: &str = "base64:";

/// A record on its way out.
pub(crate) struct Outgoing<'a> {
    pub(crate) message: &'a Message,
    /// What an answer must carry.
    pub(crate) correlation_id: Option<&'a str>,
    /// Where an answer is expected.
    pub(crate) reply_to: Option<Address>,
    /// Of a reply: the partition that its asker named.
    pub(crate) partition: Option<i32>,
}

/// A record that came in.
pub(crate) struct Incoming {
    pub(crate) message: Message,
    /// Of a reply: the partition that it was written for.
    pub(crate) partition: Option<i32>,
}

impl Outgoing<'_> {
    pub(crate) fn headers(&self, names: &Names) -> OwnedHeaders {
        let message = self.message;
        let mut headers =
            Writer { headers: OwnedHeaders::new_with_capacity(message.headers.len() + 6), names };
        if !message.id.is_empty() {
            headers.text(MESSAGE_ID, &message.id);
        }
        if let Some(id) = self.correlation_id {
            headers.text(CORRELATION_ID, id);
        }
        if let Some(address) = &self.reply_to {
            headers.text(REPLY_TO, &address.topic);
            if let Some(partition) = address.partition {
                headers.bytes(REPLY_PARTITION, &partition_bytes(names.wire(REPLY_PARTITION), partition));
            }
        }
        if let Some(content_type) = &message.content_type {
            headers.text(CONTENT_TYPE, content_type);
        }
        if let Some(partition) = self.partition {
            headers.text(PARTITION, &partition.to_compact_string());
        }
        for (name, value) in &message.headers {
            headers.text(name, value);
        }
        headers.headers
    }

    /// The record's key.
    pub(crate) fn key(&self) -> Option<Cow<'_, [u8]>> {
        self.message.key.as_deref().map(to_wire)
    }
}

struct Writer<'a> {
    headers: OwnedHeaders,
    names: &'a Names,
}

impl Writer<'_> {
    fn text(&mut self, name: &str, value: &str) {
        self.bytes(name, &to_wire(value));
    }

    fn bytes(&mut self, name: &str, value: &[u8]) {
        let headers = std::mem::replace(&mut self.headers, OwnedHeaders::new_with_capacity(0));
        self.headers = headers.insert(Header { key: self.names.wire(name), value: Some(value) });
    }
}

/// What stands in a record. `destination` is what it was received from.
pub(crate) fn incoming(record: &BorrowedMessage<'_>, destination: &CompactString, names: &Names) -> Incoming {
    let body = record.payload().map(Bytes::copy_from_slice).unwrap_or_default();
    let mut reader = Reader::new(Message::new("", destination.clone(), body), names);
    reader.incoming.message.key = record.key().map(from_wire);
    if let Some(headers) = record.headers() {
        for index in 0..headers.count() {
            let read = survive(|| {
                let header = headers.get(index);
                reader.header(header.key, header.value.unwrap_or_default());
            });
            if read.is_none() {
                let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
                tracing::warn!(topic, partition, offset, "a header was left out: its name is not UTF-8");
            }
        }
    }
    reader.finish()
}

/// rust-rdkafka panics where a foreign client's text is not UTF-8. That must not take the consumer with it.
pub(crate) fn survive<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

struct Reader<'a> {
    incoming: Incoming,
    names: &'a Names,
    reply_partition: Option<i32>,
}

impl<'a> Reader<'a> {
    const fn new(message: Message, names: &'a Names) -> Self {
        Self { incoming: Incoming { message, partition: None }, names, reply_partition: None }
    }

    fn header(&mut self, wire: &str, value: &[u8]) {
        let message = &mut self.incoming.message;
        match self.names.ours(wire) {
            MESSAGE_ID => message.id = from_wire(value),
            CORRELATION_ID => message.correlation_id = Some(from_wire(value)),
            REPLY_TO => message.reply_to = Some(from_wire(value)),
            CONTENT_TYPE => message.content_type = Some(from_wire(value)),
            REPLY_PARTITION => self.reply_partition = partition_from(wire, value),
            PARTITION => self.incoming.partition = partition_from(wire, value),
            name => message.headers.push((name.to_ascii_lowercase().into(), from_wire(value))),
        }
    }

    fn finish(mut self) -> Incoming {
        let message = &mut self.incoming.message;
        message.reply_to = message.reply_to.take().map(|topic| match self.reply_partition {
            partition @ Some(_) => Address { topic, partition }.folded(),
            None => topic,
        });
        self.incoming
    }
}

fn partition_bytes(wire: &str, partition: i32) -> Vec<u8> {
    if wire == SPRING_REPLY_PARTITION {
        return partition.to_be_bytes().to_vec();
    }
    partition.to_string().into_bytes()
}

/// Digits, or four bytes as Java's clients write an integer: nobody has so many partitions that the first is not 0.
fn partition_from(wire: &str, value: &[u8]) -> Option<i32> {
    match <[u8; 4]>::try_from(value) {
        Ok(bytes) if wire == SPRING_REPLY_PARTITION || bytes[0] == 0 => Some(i32::from_be_bytes(bytes)),
        _ => parse_partition(value),
    }
    .filter(|partition| *partition >= 0)
}

/// Only what [`from_wire`] writes so is taken for bytes: text of anybody else's that looks like it stays text.
fn to_wire(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.strip_prefix(BYTES).and_then(|base64| BASE64.decode(base64.as_bytes()).ok());
    let is_escaped =
        |bytes: &Vec<u8>| bytes.starts_with(BYTES.as_bytes()) || std::str::from_utf8(bytes).is_err();
    bytes.filter(is_escaped).map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned)
}

fn from_wire(bytes: &[u8]) -> CompactString {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(BYTES) || to_wire(text) == text.as_bytes() => text.into(),
        _ => format_compact!("{BYTES}{}", BASE64.encode(bytes)),
    }
}

#[cfg(test)]
#[path = "wire_laws.rs"]
mod laws;
