//! How a route answers: `reply`, `hold` and `durable`, and which keys mean something beside them.

use std::time::Duration;

use super::Check;
use crate::problem::Problem;
use crate::raw::{Idempotency, Reply, Route};
use crate::settings::ReplyMode;

/// Which target a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Send,
    Publish,
    Call,
}

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    pub(super) reply: ReplyMode,
    pub(super) hold: Option<Duration>,
    pub(super) durable: bool,
}

impl Check<'_> {
    pub(super) fn modes(&self, raw: &Route, kind: Kind, timeout: Option<Duration>) -> Modes {
        let reply = match raw.reply.value() {
            Some(Reply::Wait) => ReplyMode::Wait,
            Some(Reply::Poll) => ReplyMode::Poll,
            Some(Reply::None) => ReplyMode::None,
            None if kind == Kind::Call => ReplyMode::Wait,
            None => ReplyMode::Poll,
        };
        if let (Kind::Call, Some(given)) =
            (kind, raw.reply.given().filter(|given| given.value == Reply::None))
        {
            let problem = Problem::error(given.span.clone(), "a `call` always has an answer");
            self.cx.report(problem.help("write `reply = \"wait\"` or `reply = \"poll\"`".to_owned()));
        }
        let hold = self.hold(raw, reply, timeout);
        let may_do_without = reply == ReplyMode::Wait && !raw.hold.is_written() && kind != Kind::Publish;
        let durable = raw.durable.value().copied().unwrap_or(!may_do_without);
        if !durable {
            self.without_record(raw, kind, reply);
        }
        if !(durable && kind == Kind::Call) {
            self.not_attempted(raw, kind);
        }
        Modes { reply, hold, durable }
    }

    fn hold(&self, raw: &Route, reply: ReplyMode, timeout: Option<Duration>) -> Option<Duration> {
        let given = raw.hold.given()?;
        let hold = given.value.0;
        let complaint = match () {
            () if reply != ReplyMode::Wait => {
                Some(("nobody is held on this route", "add `reply = \"wait\"`, or leave `hold` out"))
            }
            () if hold.is_zero() => Some(("a hold of no time is none", "write `reply = \"poll\"` instead")),
            () if timeout.is_some_and(|timeout| hold >= timeout) => Some((
                "the deadline comes before the hold ends",
                "make `hold` shorter than `timeout`, or leave it out to hold until the deadline",
            )),
            () => None,
        };
        if let Some((message, help)) = complaint {
            self.cx.report(Problem::error(given.span.clone(), message).help(help.to_owned()));
        }
        Some(hold)
    }

    /// `durable = false`: nothing can be asked about later.
    fn without_record(&self, raw: &Route, kind: Kind, reply: ReplyMode) {
        let message = match () {
            () if kind == Kind::Publish => {
                Some("an event is stored before it is sent: a `publish` route is durable")
            }
            () if reply != ReplyMode::Wait => {
                Some("without a record there is nothing to ask about after 202")
            }
            () if raw.hold.is_written() => {
                Some("without a record there is nothing to ask about after the hold")
            }
            () => None,
        };
        if let (Some(message), Some(given)) = (message, raw.durable.given()) {
            let help = "leave `durable = false` out, or answer with `reply = \"wait\"` and no `hold`";
            self.cx.report(Problem::error(given.span.clone(), message).help(help.to_owned()));
        }
        if let Some(given) = raw.idempotency.given() {
            match given.value {
                Idempotency::Required => self.cx.report(
                    Problem::error(given.span.clone(), "without a record a repeat cannot be recognised")
                        .help("add `durable = true`".to_owned()),
                ),
                Idempotency::Optional => self.no_effect(given.key.clone(), "`idempotency`"),
                Idempotency::Off => {}
            }
        }
        if let Some(given) = raw.retention.given() {
            self.no_effect(given.key.clone(), "`retention`");
        }
    }

    fn no_effect(&self, span: std::ops::Range<usize>, key: &str) {
        let message = format!("{key} has no effect on a route without a record");
        self.cx
            .report(Problem::warning(span, message).help("add `durable = true`, or leave it out".to_owned()));
    }

    /// Keys about attempts, on a route that makes none.
    fn not_attempted(&self, raw: &Route, kind: Kind) {
        let help = match kind {
            Kind::Call => "add `reply = \"poll\"` or `durable = true`: then the gateway tries by itself",
            Kind::Send | Kind::Publish => "attempts are the consumer's: write it into its `[[consumer]]`",
        };
        self.out_of_place(&raw.retry, "`retry` is for a durable `call`", help);
        self.out_of_place(&raw.fail_on, "`fail_on` is for a durable `call`", help);
        self.out_of_place(&raw.call_timeout, "`call_timeout` is for a durable `call`", help);
    }
}
