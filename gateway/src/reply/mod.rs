//! Answers coming back over a broker: matched by the request's message id, recorded first, then told.

mod inbox;
mod waiters;

pub use inbox::run;
pub use waiters::{Waiter, Waiters};

use sidegate_broker::Message;
use sidegate_core::Answer;
use sidegate_core::operation::Event;

use crate::names::message;
use crate::respond::{Code, Problem};
use crate::status::as_answer;

/// What a reply says.
pub(crate) enum Reply {
    /// The answer.
    Answer(Answer),
    /// How far it got; the answer comes later.
    Progress(Event),
    /// Nobody listens: it was not executed. Whoever keeps a record of it has the broker keep the message instead.
    Undelivered(Answer),
    /// It came too late and was not executed. The operation ends by its own deadline; whoever keeps no record of it
    /// has these words.
    Expired(Answer),
}

/// Reads a reply. A worker without Sidegate sends a body and nothing else: that is a 200.
pub(crate) fn read(reply: &Message) -> Reply {
    match reply.header(message::PROGRESS) {
        None => Reply::Answer(answer(reply)),
        Some(message::EXPIRED) => Reply::Expired(answer(reply)),
        Some(message::UNDELIVERED) => Reply::Undelivered(nobody_listens()),
        Some(message::PARKED) => Reply::Progress(Event::Parked),
        Some(message::RESUMED) => Reply::Progress(Event::Resumed),
        Some(_) => Reply::Progress(Event::Started),
    }
}

fn nobody_listens() -> Answer {
    let detail =
        "nobody receives messages of this kind at the moment: nothing happened, asking again is safe";
    as_answer(&Problem::new(Code::BrokerUnavailable, detail))
}

fn answer(reply: &Message) -> Answer {
    let mut headers = Vec::with_capacity(reply.headers.len() + 1);
    if let Some(content_type) = &reply.content_type {
        headers.push(("content-type".into(), content_type.clone()));
    }
    headers.extend(reply.headers.iter().filter(|(name, _)| !message::ALL.contains(&name.as_str())).cloned());
    Answer { status: status(reply), headers, body: reply.body.clone() }
}

/// A worker that says something else than a final status has not said that it did it.
fn status(reply: &Message) -> u16 {
    const NOT_UNDERSTOOD: u16 = 502;
    let Some(text) = reply.header(message::STATUS) else { return 200 };
    text.parse().ok().filter(|status| (200..600).contains(status)).unwrap_or(NOT_UNDERSTOOD)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sidegate_broker::Message;
    use sidegate_core::operation::Event;

    use super::{Reply, read};

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let mut message = Message::new("m-1.reply", "replies", Bytes::from_static(b"done"));
        message.headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        read(&message)
    }

    fn status(text: &str) -> u16 {
        match reply(&[("sidegate-status", text)]) {
            Reply::Answer(answer) => answer.status,
            _ => panic!("a status alone makes an answer"),
        }
    }

    #[test]
    fn a_body_alone_is_a_success_and_a_status_is_taken_as_it_is() {
        assert!(matches!(reply(&[]), Reply::Answer(answer) if answer.status == 200 && answer.body == "done"));
        assert_eq!(status("409"), 409);
    }

    #[test]
    fn a_status_that_is_none_is_never_a_success() {
        for wrong in ["ok", "", "-1", "0", "101", "600", "99999"] {
            assert_eq!(
                status(wrong),
                502,
                "`{wrong}` says nothing of success, and cannot be sent on as it is"
            );
        }
    }

    #[test]
    fn progress_is_told_apart_from_answers() {
        let progress = |word| reply(&[("sidegate-progress", word), ("sidegate-status", "504")]);
        assert!(matches!(progress("running"), Reply::Progress(Event::Started)));
        assert!(matches!(progress("parked"), Reply::Progress(Event::Parked)));
        assert!(matches!(progress("resumed"), Reply::Progress(Event::Resumed)));
        assert!(matches!(progress("expired"), Reply::Expired(answer) if answer.status == 504));
    }
}
