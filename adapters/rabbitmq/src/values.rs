//! Header values: AMQP has two dozen types, a header here is text. Bytes that are not text travel as `base64:` and
//! base64, and become the same bytes again; so does a text that could be taken for that, so that nothing is lost either way.

use compact_str::{CompactString, ToCompactString};
use data_encoding::BASE64;
use lapin::types::{AMQPValue, FieldArray};

const ENCODED: &str = "base64:";

/// What stands for these bytes in a message.
pub(crate) fn text_of(bytes: &[u8]) -> CompactString {
    if let Some(text) = plain_text(bytes) {
        return text.into();
    }
    let mut text = CompactString::const_new(ENCODED);
    text.push_str(&BASE64.encode(bytes));
    text
}

/// The bytes that a text of a message stands for.
pub(crate) fn bytes_of(text: &str) -> Vec<u8> {
    decoded(text).unwrap_or_else(|| text.as_bytes().to_vec())
}

/// The text that stands for itself.
fn plain_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| decoded(text).is_none())
}

/// What an encoded text stands for. Encoded is only what would otherwise be lost: a text that merely looks like it
/// (`base64:aGVsbG8=` is `hello`, which is text) stands for itself.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let encoded = text.strip_prefix(ENCODED)?;
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    plain_text(&bytes).is_none().then_some(bytes)
}

pub(crate) fn value_of(text: &str) -> AMQPValue {
    AMQPValue::LongString(bytes_of(text).into())
}

/// A header that stands more than once: a table has each name once, so its values share a list.
pub(crate) fn append(value: &mut AMQPValue, text: &str) {
    if let AMQPValue::FieldArray(list) = value {
        return list.push(value_of(text));
    }
    let first = std::mem::replace(value, AMQPValue::Void);
    *value = AMQPValue::FieldArray(FieldArray::from(vec![first, value_of(text)]));
}

/// All texts of a value: several for a list, none for what has no text (a table).
pub(crate) fn texts_of(value: &AMQPValue) -> Vec<CompactString> {
    match value {
        AMQPValue::FieldArray(list) => list.as_slice().iter().filter_map(text_of_value).collect(),
        single => text_of_value(single).into_iter().collect(),
    }
}

pub(crate) fn number_of(value: &AMQPValue) -> Option<u64> {
    text_of_value(value)?.parse().ok()
}

fn text_of_value(value: &AMQPValue) -> Option<CompactString> {
    Some(match value {
        AMQPValue::LongString(text) => text_of(text.as_bytes()),
        AMQPValue::ShortString(text) => text_of(text.as_str().as_bytes()),
        AMQPValue::ByteArray(bytes) => text_of(bytes.as_slice()),
        AMQPValue::Boolean(value) => value.to_compact_string(),
        AMQPValue::ShortShortInt(value) => value.to_compact_string(),
        AMQPValue::ShortShortUInt(value) => value.to_compact_string(),
        AMQPValue::ShortInt(value) => value.to_compact_string(),
        AMQPValue::ShortUInt(value) => value.to_compact_string(),
        AMQPValue::LongInt(value) => value.to_compact_string(),
        AMQPValue::LongUInt(value) => value.to_compact_string(),
        AMQPValue::LongLongInt(value) => value.to_compact_string(),
        AMQPValue::Timestamp(value) => value.to_compact_string(),
        AMQPValue::Float(value) => value.to_compact_string(),
        AMQPValue::Double(value) => value.to_compact_string(),
        AMQPValue::Void => CompactString::const_new(""),
        AMQPValue::DecimalValue(_) | AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use lapin::types::{AMQPValue, FieldTable};

    use super::{append, bytes_of, text_of, texts_of, value_of};

    #[test]
    fn every_byte_string_comes_back_byte_for_byte() {
        for bytes in
            [&b"plain"[..], b"", b"base64:", b"base64:!!", b"base64:YQ==", b"\xff\x00\x80", "ü".as_bytes()]
        {
            assert_eq!(bytes_of(&text_of(bytes)), bytes, "{bytes:?} survives being a header's text");
        }
        for text in
            ["base64:/w==", "base64:aGVsbG8=", "base64:YmFzZTY0Oi93PT0=", "base64:", "base64:!", "base"]
        {
            assert_eq!(text_of(&bytes_of(text)), text, "{text} survives the way over the broker");
        }
        assert_eq!(text_of(b"plain"), "plain", "text is text");
        assert_eq!(text_of(b"\xff"), "base64:/w==", "what is not text says so");
    }

    #[test]
    fn a_header_that_stands_twice_shares_a_list() {
        let mut value = value_of("one");
        append(&mut value, "two");
        append(&mut value, "three");
        assert_eq!(texts_of(&value), ["one", "two", "three"], "all of them, in order");
    }

    #[test]
    fn values_of_other_types_have_a_text_where_there_is_one() {
        assert_eq!(texts_of(&AMQPValue::LongInt(-3)), ["-3"]);
        assert_eq!(texts_of(&AMQPValue::Boolean(true)), ["true"]);
        assert!(texts_of(&AMQPValue::FieldTable(FieldTable::default())).is_empty(), "a table has none");
    }
}
