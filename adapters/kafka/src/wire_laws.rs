//! What goes out comes in the same, whoever is at the other end.

use bytes::Bytes;
use proptest::prelude::{any, prop_assert_eq, proptest};
use rdkafka::message::{Headers as _, OwnedHeaders};
use sidegate_broker::{Message, Names};

use super::{Incoming, Outgoing, Reader, from_wire, partition_from, to_wire};
use crate::address::Address;

fn read(headers: &OwnedHeaders, names: &Names) -> Incoming {
    let mut reader = Reader::new(Message::new("", "orders", Bytes::new()), names);
    for header in headers.iter() {
        reader.header(header.key, header.value.unwrap_or_default());
    }
    reader.finish()
}

fn outgoing(message: &Message) -> Outgoing<'_> {
    Outgoing { message, correlation_id: message.correlation_id.as_deref(), reply_to: None, partition: None }
}

fn value<'a>(headers: &'a OwnedHeaders, name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.key == name).and_then(|header| header.value)
}

fn spring() -> Names {
    Names::new([
        ("correlation-id".into(), "kafka_correlationId".into()),
        ("reply-to".into(), "kafka_replyTopic".into()),
        ("reply-partition".into(), "kafka_replyPartition".into()),
    ])
}

#[test]
fn properties_travel_under_the_names_of_the_contract() {
    let message = Message {
        correlation_id: Some("order-7".into()),
        content_type: Some("text/plain".into()),
        headers: vec![
            ("sidegate-operation".into(), "op-1".into()),
            ("x".into(), "1".into()),
            ("x".into(), "2".into()),
        ],
        ..Message::new("m-1", "orders", Bytes::new())
    };
    let reply_to = Some(Address { topic: "answers".into(), partition: Some(3) });
    let headers = Outgoing { reply_to, ..outgoing(&message) }.headers(&Names::default());
    for (name, text) in [
        ("message-id", "m-1"),
        ("correlation-id", "order-7"),
        ("reply-to", "answers"),
        ("reply-partition", "3"),
        ("content-type", "text/plain"),
        ("sidegate-operation", "op-1"),
    ] {
        assert_eq!(value(&headers, name), Some(text.as_bytes()), "{name} on the wire");
    }
    let expected = Message { reply_to: Some("answers#3".into()), ..message };
    assert_eq!(read(&headers, &Names::default()).message, expected, "the same comes out, a name twice too");
}

#[test]
fn springs_names_and_bytes_are_understood_and_given_back() {
    let id = [0x9f, 0x00, 0xff, 0x13, 0x37, 0x80, 0x01, 0x02, 0x9f, 0x00, 0xff, 0x13, 0x37, 0x80, 0x01, 0x02];
    let asked = OwnedHeaders::new()
        .insert(rdkafka::message::Header { key: "kafka_correlationId", value: Some(&id[..]) })
        .insert(rdkafka::message::Header { key: "kafka_replyTopic", value: Some("answers") })
        .insert(rdkafka::message::Header { key: "kafka_replyPartition", value: Some(&[0_u8, 0, 0, 2][..]) });
    let request = read(&asked, &spring()).message;
    assert_eq!(request.reply_to.as_deref(), Some("answers#2"), "the partition is four bytes");
    let reply =
        Message { correlation_id: request.correlation_id, ..Message::new("", "answers#2", Bytes::new()) };
    let answered = outgoing(&reply).headers(&spring());
    assert_eq!(
        value(&answered, "kafka_correlationId"),
        Some(&id[..]),
        "sixteen bytes come back as they came"
    );
    assert_eq!(value(&answered, "message-id"), None, "an empty id is none");
}

#[test]
fn spring_is_asked_in_its_own_words() {
    let message = Message::new("m-1", "orders", Bytes::new());
    let reply_to = Some(Address { topic: "answers".into(), partition: Some(258) });
    let headers = Outgoing { correlation_id: Some("m-1"), reply_to, ..outgoing(&message) }.headers(&spring());
    assert_eq!(value(&headers, "kafka_replyTopic"), Some(&b"answers"[..]));
    assert_eq!(
        value(&headers, "kafka_replyPartition"),
        Some(&[0_u8, 0, 1, 2][..]),
        "four bytes, the highest first"
    );
    assert_eq!(value(&headers, "reply-to"), None, "not under both names");
}

#[test]
fn a_partition_is_a_number_in_digits_or_in_four_bytes() {
    assert_eq!(partition_from("reply-partition", b"1234"), Some(1234), "four digits are a number");
    assert_eq!(partition_from("reply-partition", &[0, 0, 0, 7]), Some(7), "four bytes are one too");
    assert_eq!(partition_from("reply-partition", b"-1"), None);
    assert_eq!(
        partition_from("kafka_replyPartition", b"1234"),
        Some(0x3132_3334),
        "under Spring's name it is always bytes"
    );
    assert_eq!(partition_from("reply-partition", b"many"), None);
}

#[test]
fn a_reply_says_which_partition_it_was_written_for() {
    let message = Message::new("r-1", "answers#3", Bytes::new());
    let headers = Outgoing { partition: Some(3), ..outgoing(&message) }.headers(&Names::default());
    let incoming = read(&headers, &Names::default());
    assert_eq!(incoming.partition, Some(3), "who reads for another partition can skip it");
    assert_eq!(incoming.message.headers, [], "nobody else sees it");
}

#[test]
fn text_that_only_looks_like_bytes_stays_text() {
    assert_eq!(to_wire("base64:aGVsbG8="), &b"base64:aGVsbG8="[..], "nobody would have written `hello` so");
    assert_eq!(to_wire("base64:/w=="), &[0xff][..], "this is how one byte is written");
}

proptest! {
    #[test]
    fn any_bytes_survive_the_way_in_and_out(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(to_wire(&from_wire(&bytes)).into_owned(), bytes);
    }

    #[test]
    fn text_that_looks_like_bytes_survives_too(rest in "(base64:)?[A-Za-z0-9+/=]{0,12}") {
        let text = format!("base64:{rest}");
        prop_assert_eq!(to_wire(&from_wire(text.as_bytes())).into_owned(), text.into_bytes());
    }
}
