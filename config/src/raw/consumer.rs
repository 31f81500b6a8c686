//! `[[consumer]]`.

use serde_json::{Value, json};
use toml::Spanned;

use super::retry::{Retry, default_fail_on};
use crate::problem::Problem;
use crate::read::{Context, Duration, Node, Read, Show, Text, choice, table};

table! {
    /// One destination that the gateway reads, and the call to the local service that it makes of each message:
    /// exactly one of `receive`, `subscribe`.
    struct Consumer in "[[consumer]]" {
        /// What it is called in logs and metrics. Default: its destination.
        name: Text;
        /// A command's destination: one gateway gets each message, and its service's answer is the reply.
        receive: Text;
        /// An event's destination: every gateway name gets its own copy, nobody answers.
        subscribe: Text;
        /// The `[broker.NAME]` to read from. Default: the only one.
        broker: Text;
        /// What is made of each message: `"METHOD http://HOST:PORT/path?query"` or `"METHOD http+unix:SOCKET:/path"`.
        /// Path and query are templates; METHOD may be `{message.method}`, and the path may begin with
        /// `{message.path}`.
        call: Text, required;
        /// Calls at once, over all keys; messages of one key stay in order. 1 to 10,000.
        concurrency: u64 = 16;
        /// The time limit of one call. 1ms to 24h.
        timeout: Duration = Duration::from_secs(10);
        /// When to try again.
        retry: Retry;
        /// Statuses that are the service's definite no: not tried again, the operation fails now.
        fail_on: Vec<Spanned<u16>> = default_fail_on();
        /// What happens when attempts ran out.
        exhausted: Exhausted = Exhausted::Fail;
        /// Ask the service whether it is well, and stop taking messages while it is not.
        health: Health;
        /// Stop taking messages for a while when calls fail in a row.
        breaker: Breaker;
        /// How long what was executed is remembered, so that a redelivery is answered, not executed; or `"off"`.
        /// 1s to 365d.
        inbox: InboxTime = InboxTime::For(Duration::from_secs(24 * 60 * 60));
    }
}

choice! {
    /// What happens when attempts ran out.
    enum Exhausted {
        /// the operation fails, and the message is parked for an operator
        Fail = "fail",
        /// the message is parked, and the operation stays open for an operator until its deadline
        Park = "park",
    }
}

table! {
    /// Asking the service whether it is well.
    struct Health in "`health`" {
        /// What is asked; 2xx is well. No template.
        call: Text, required;
        /// How often; also the time limit of one check. 10ms to 1h.
        every: Duration = Duration::from_secs(2);
        /// So many failures in a row are unwell. 1 to 1,000.
        failures: u64 = 2;
    }
}

table! {
    /// A pause after failures in a row.
    struct Breaker in "`breaker`" {
        /// So many failures in a row begin the pause. 1 to 1,000.
        failures: u64 = 5;
        /// How long no message is taken. 10ms to 1h.
        pause: Duration = Duration::from_secs(10);
    }
}

/// How long what was executed is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InboxTime {
    /// So long.
    For(Duration),
    /// Not at all.
    Off,
}

impl Read for InboxTime {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let text = Text::read(node, cx)?;
        if &*text == "off" {
            return Some(Self::Off);
        }
        let time = Duration::parse(&text);
        if time.is_none() {
            let message = format!("{} is neither a duration nor `off`", text.quoted());
            cx.report(Problem::error(node.span(), message).help("write \"24h\" or \"off\"".to_owned()));
        }
        time.map(Self::For)
    }

    fn schema() -> Value {
        json!({ "anyOf": [{ "const": "off", "description": "a redelivery is executed again" }, Duration::schema()] })
    }
}

impl Show for InboxTime {
    fn show(&self) -> Value {
        match self {
            Self::For(time) => time.show(),
            Self::Off => "off".into(),
        }
    }
}
