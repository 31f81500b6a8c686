//! The names that Sidegate gives to streams, consumers and subjects on NATS.
//!
//! ```text
//! destination                     the subject of a command or an event, under its stream `sidegate-{destination}`
//! sidegate.direct.{destination}   commands that need not be durable: no stream, straight to a consumer
//! sidegate.replies.{…}            durable replies, under the stream `sidegate-replies`
//! sidegate.inbox.{…}.{id}         replies that need not be durable: the native reply subject of a direct command
//! ```

use std::borrow::Cow;

use async_nats::Subject;
use data_encoding::BASE64URL_NOPAD;
use sidegate_broker::BrokerError;

use crate::error;

pub(crate) const REPLIES_STREAM: &str = "sidegate-replies";
pub(crate) const REPLIES: &str = "sidegate.replies.";
pub(crate) const REPLIES_ALL: &str = "sidegate.replies.>";
const DIRECT: &str = "sidegate.direct.";
const INBOX: &str = "sidegate.inbox.";
/// Begins a name that had to be encoded to be part of a subject.
const ENCODED: char = '=';

/// Whether a message can be published to it, and it stands for itself alone.
pub(crate) fn is_subject(subject: &str) -> bool {
    !subject.is_empty() && subject.split('.').all(is_word)
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '*' && c != '>')
}

pub(crate) fn checked(subject: &str) -> Result<(), BrokerError> {
    if is_subject(subject) { Ok(()) } else { Err(error::bad_subject(subject)) }
}

/// The subject of a message whose way is not chosen yet.
pub(crate) fn nowhere() -> Subject {
    Subject::from_static("")
}

pub(crate) fn direct(destination: &str) -> String {
    [DIRECT, destination].concat()
}

/// Where native replies come for those who are asked to answer at `place`; ends in a dot.
pub(crate) fn inbox(place: &str) -> String {
    [INBOX, place.strip_prefix(REPLIES).unwrap_or(place), "."].concat()
}

/// The native reply subject of one message.
pub(crate) fn inbox_of(place: &str, id: &str) -> String {
    let place = place.strip_prefix(REPLIES).unwrap_or(place);
    let mut subject = String::with_capacity(INBOX.len() + place.len() + 1 + id.len());
    subject.push_str(INBOX);
    subject.push_str(place);
    subject.push('.');
    if is_plain(id) {
        subject.push_str(id);
    } else {
        subject.push(ENCODED);
        BASE64URL_NOPAD.encode_append(id.as_bytes(), &mut subject);
    }
    subject
}

pub(crate) fn is_inbox(subject: &str) -> bool {
    subject.starts_with(INBOX)
}

/// The message that a reply at this place answers, from what stands behind the place.
pub(crate) fn id_of(token: &str) -> Cow<'_, str> {
    let Some(encoded) = token.strip_prefix(ENCODED) else { return Cow::Borrowed(token) };
    let decoded = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok().and_then(|id| String::from_utf8(id).ok());
    decoded.map_or(Cow::Borrowed(token), Cow::Owned)
}

/// The usual case, told at a glance: letters, digits and what ids are joined by.
fn is_plain(id: &str) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !id.is_empty()
        && id.as_bytes().iter().all(fits)
        && !id.starts_with('.')
        && !id.ends_with('.')
        && !id.contains("..")
}

/// The stream that Sidegate makes for a subject.
pub(crate) fn stream(subject: &str) -> String {
    if subject.starts_with(REPLIES) {
        REPLIES_STREAM.to_owned()
    } else {
        format!("sidegate-{}", file_name(subject))
    }
}

/// A name of a stream or a consumer: JetStream takes no dots, wildcards, blanks and slashes in them. A dot becomes
/// `_`, what is `_` becomes `__`, and what is not allowed its code as `=2F`.
pub(crate) fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '.' => name.push('_'),
            '_' => name.push_str("__"),
            c if c.is_ascii_alphanumeric() || c == '-' => name.push(c),
            c => name.extend(c.to_string().bytes().map(|byte| format!("={byte:02X}"))),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{file_name, id_of, inbox, inbox_of, is_subject, stream};

    #[test]
    fn a_destination_and_its_stream_are_one_to_one() {
        assert_eq!(stream("orders.create"), "sidegate-orders_create");
        assert_eq!(stream("orders_create"), "sidegate-orders__create", "another destination, another stream");
        assert_eq!(file_name("a/b ü"), "a=2Fb=20=C3=BC", "what JetStream does not take is spelt out");
        assert_eq!(stream("sidegate.replies.shop.1"), "sidegate-replies", "all replies share one");
    }

    #[test]
    fn wildcards_and_blanks_are_no_destinations() {
        assert!(is_subject("orders.create") && is_subject("$SYS-like"));
        for wrong in ["", "orders.*", "orders.>", "a b", "a..b", ".a", "a.", "a\r\nPUB x 0"] {
            assert!(!is_subject(wrong), "{wrong:?} would reach others than it names, or break the protocol");
        }
    }

    #[test]
    fn every_message_id_comes_back_from_its_reply_subject() {
        for id in ["m-1", "op.debit.do.1", "with blank", "=odd", "a*b", "", "ü", ".a", "a..b"] {
            let subject = inbox_of("sidegate.replies.shop.1", id);
            assert!(is_subject(&subject), "{subject:?} can be published to");
            let token = subject.strip_prefix(&inbox("sidegate.replies.shop.1")).expect("under its place");
            if !id.is_empty() {
                assert_eq!(id_of(token), id, "the id that the reply answers");
            }
        }
    }
}
