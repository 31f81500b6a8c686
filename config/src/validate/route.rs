//! One `[[route]]`.

use compact_str::{CompactString, format_compact};
use sidegate_core::Template;
use toml::Spanned;

use super::endpoint::Endpoint;
use super::gateway::BODY_MAX;
use super::modes::{Kind, Modes};
use super::template::Places;
use super::{Check, DAY, MONTH, YEAR};
use crate::problem::Problem;
use crate::raw;
use crate::read::{Duration, Field, Given, Size, Text};
use crate::settings::{IdempotencyMode, Route, Target};

/// They belong to one connection, or are made anew for each message.
const NEVER_TRAVEL: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

impl Check<'_> {
    pub(super) fn route(&self, raw: &Spanned<raw::Route>) -> Option<Route> {
        let (span, raw) = (raw.span(), raw.get_ref());
        if !raw.http.is_written() && !raw.later.contains(&"grpc") {
            let problem = Problem::error(span.clone(), "`http` is missing in [[route]]");
            self.cx.report(problem.help("add `http = \"METHOD /path\"`".to_owned()));
        }
        let endpoint = raw.http.given().and_then(|http| self.endpoint(http));
        let timeout = self.within(&raw.timeout, Duration::from_ms(1)..=MONTH);
        let kind = self.kind(raw, &span);
        let modes = kind.map(|kind| self.modes(raw, kind, timeout.map(|timeout| timeout.0)));
        let params = endpoint.as_ref().map(|endpoint| endpoint.params.as_slice());
        let target = kind.and_then(|kind| self.target(raw, kind, params));
        let key = self.key(raw, kind, params);
        let correlation =
            raw.correlation.given().and_then(|given| self.template(given, Places::Correlation(params)));
        let rest = self.rest_of(raw, kind);
        let name = self.route_name(raw, endpoint.as_ref());
        let (Endpoint { method, path, rest: tail, .. }, Modes { reply, hold, durable }) = (endpoint?, modes?);
        Some(Route {
            name: name?,
            method,
            path,
            rest: tail,
            target: target?,
            reply,
            timeout: timeout?.0,
            hold,
            key,
            correlation,
            idempotency: rest.idempotency,
            retention: rest.retention?.0,
            headers: rest.headers,
            body_bytes_max: rest.body.map(|body| body.0),
            schema: rest.schema,
            durable,
        })
    }

    fn route_name(&self, raw: &raw::Route, endpoint: Option<&Endpoint>) -> Option<CompactString> {
        match raw.name.given() {
            Some(given) => self.title(given),
            None => endpoint.map(|endpoint| format_compact!("{} {}", endpoint.method, endpoint.path)),
        }
    }

    /// Which of the targets it has; exactly one.
    fn kind(&self, raw: &raw::Route, span: &std::ops::Range<usize>) -> Option<Kind> {
        let targets = [
            ("send", &raw.send, Kind::Send),
            ("publish", &raw.publish, Kind::Publish),
            ("call", &raw.call, Kind::Call),
        ];
        let written: Vec<_> = targets.into_iter().filter(|(_, field, _)| field.is_written()).collect();
        match written.as_slice() {
            [(_, _, kind)] => Some(*kind),
            [] => {
                if raw.later.iter().all(|key| *key == "callback" || *key == "grpc") {
                    let problem = Problem::error(span.clone(), "this route leads nowhere");
                    self.cx.report(problem.help("add one of `send`, `publish`, `call`".to_owned()));
                }
                None
            }
            [one, other, ..] => {
                self.two_targets(one.1, one.0, other.1, other.0);
                None
            }
        }
    }

    fn two_targets(&self, one: &Field<Text>, one_name: &str, other: &Field<Text>, other_name: &str) {
        if let (Some(one), Some(other)) = (one.given(), other.given()) {
            let message =
                format!("a route has one target, and this one has both `{one_name}` and `{other_name}`");
            self.cx.report(
                Problem::error(other.key.clone(), message)
                    .also(one.key.clone(), "the other target")
                    .help("make a route of its own for one of them".to_owned()),
            );
        }
    }

    fn target(&self, raw: &raw::Route, kind: Kind, params: Option<&[String]>) -> Option<Target> {
        match kind {
            Kind::Send => {
                let (broker, destination) = self.message(raw, raw.send.given()?, params)?;
                Some(Target::Send { broker, destination })
            }
            Kind::Publish => {
                let (broker, destination) = self.message(raw, raw.publish.given()?, params)?;
                Some(Target::Publish { broker, destination })
            }
            Kind::Call => {
                self.out_of_place(
                    &raw.broker,
                    "a `call` goes to the service, not over a broker",
                    "leave `broker` out",
                );
                let call = self.call(raw.call.given()?, Places::Route(params));
                let retry = self.retry(&raw.retry);
                let fail_on = self.fail_on(&raw.fail_on);
                let call_timeout = self.within(&raw.call_timeout, Duration::from_ms(1)..=DAY);
                Some(Target::Call { call: call?, retry: retry?, fail_on, call_timeout: call_timeout?.0 })
            }
        }
    }

    fn message(
        &self,
        raw: &raw::Route,
        given: &Given<Text>,
        params: Option<&[String]>,
    ) -> Option<(CompactString, Template)> {
        let broker = self.broker_of(&raw.broker, given);
        let destination = self.template(given, Places::Route(params))?;
        if let Some(literal) = destination.as_literal() {
            self.destination(literal, given)?;
        }
        Some((broker?, destination))
    }

    fn key(&self, raw: &raw::Route, kind: Option<Kind>, params: Option<&[String]>) -> Option<Template> {
        if kind == Some(Kind::Call) {
            self.out_of_place(&raw.key, "messages have keys, and a `call` makes none", "leave `key` out");
        }
        self.template(raw.key.given()?, Places::Route(params))
    }

    fn rest_of(&self, raw: &raw::Route, kind: Option<Kind>) -> Rest {
        if kind == Some(Kind::Call) {
            self.out_of_place(
                &raw.headers,
                "a `call` carries every end-to-end header",
                "leave `headers` out",
            );
        }
        Rest {
            idempotency: match raw.idempotency.value() {
                Some(raw::Idempotency::Required) => IdempotencyMode::Required,
                Some(raw::Idempotency::Off) => IdempotencyMode::Off,
                Some(raw::Idempotency::Optional) | None => IdempotencyMode::Optional,
            },
            retention: self.within(&raw.retention, Duration::from_secs(1)..=YEAR),
            headers: self.headers(raw.headers.value().map(Vec::as_slice).unwrap_or_default()),
            body: self.within(&raw.body, Size(1)..=BODY_MAX),
            schema: raw.schema.given().and_then(|schema| self.schema(schema)),
        }
    }

    fn headers(&self, names: &[Spanned<Text>]) -> Vec<CompactString> {
        names.iter().filter_map(|name| self.header(name)).collect()
    }

    fn header(&self, name: &Spanned<Text>) -> Option<CompactString> {
        let lower = name.get_ref().to_ascii_lowercase();
        let complaint = match http::HeaderName::from_bytes(lower.as_bytes()) {
            Err(_) => "is not the name of a header",
            Ok(_) if NEVER_TRAVEL.contains(&lower.as_str()) => "belongs to one connection and never travels",
            Ok(_) => return Some(lower.into()),
        };
        let message = format!("{} {complaint}", name.get_ref().quoted());
        self.cx.report(Problem::error(name.span(), message).help("leave it out".to_owned()));
        None
    }
}

/// The keys that depend on no other.
struct Rest {
    idempotency: IdempotencyMode,
    retention: Option<Duration>,
    headers: Vec<CompactString>,
    body: Option<Size>,
    schema: Option<crate::settings::Schema>,
}
