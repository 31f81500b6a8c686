//! `[broker.NAME]`: which kind each is, and which one a route or consumer means.

use std::collections::BTreeMap;

use compact_str::CompactString;
use toml::Spanned;

use super::Check;
use crate::problem::Problem;
use crate::raw;
use crate::read::{Field, Given, Text, closest, hint};
use crate::settings::{Broker, BrokerUrl};

const EMBEDDED: &str = "embedded:";
/// The kinds that the format names, by the schemes of their URLs.
const LATER: [(&str, &str); 3] = [("nats", "NATS"), ("amqp", "RabbitMQ"), ("kafka", "Kafka")];

impl Check<'_> {
    pub(super) fn brokers(&self, raw: &raw::Document) -> BTreeMap<CompactString, Broker> {
        let table = raw.broker.value().map(|table| table.0.as_slice()).unwrap_or_default();
        self.embedded_once(table.iter().filter_map(|(_, broker)| broker.get_ref().url.given()));
        table.iter().filter_map(|(name, broker)| self.broker(name, broker.get_ref())).collect()
    }

    /// There is one store, and so one set of queues in it: two brokers over it would deliver every message twice.
    fn embedded_once<'r>(&self, urls: impl Iterator<Item = &'r Given<Text>>) {
        let mut embedded = urls.filter(|url| &*url.value == EMBEDDED);
        let Some(first) = embedded.next() else { return };
        for second in embedded {
            let problem = Problem::error(second.span.clone(), "there can be one embedded broker only")
                .also(first.span.clone(), "this one")
                .help("use that one: its destinations are apart by their names".to_owned());
            self.cx.report(problem);
        }
    }

    fn broker(&self, name: &Spanned<String>, raw: &raw::Broker) -> Option<(CompactString, Broker)> {
        let quoted = format!("`{}`", name.get_ref().escape_debug());
        let word = self.word(name.get_ref(), &quoted, &name.span());
        let url = raw.url.given().and_then(|url| self.broker_url(url));
        let options = raw.client.value().map(|options| options.0.as_slice()).unwrap_or_default();
        let client = options
            .iter()
            .map(|(name, value)| (name.get_ref().clone(), value.get_ref().to_string()))
            .collect();
        let name = word?;
        Some((name.clone(), Broker { name, url: url?, client }))
    }

    /// The text itself stays out of messages: it may hold a password.
    fn broker_url(&self, given: &Given<Text>) -> Option<BrokerUrl> {
        if &*given.value == EMBEDDED {
            return Some(BrokerUrl::Embedded);
        }
        let scheme = given.value.split(':').next().unwrap_or_default();
        // `amqps`, `nats+tls` and `kafka+tls` are forms of the same kinds.
        let kind = LATER.iter().find(|(prefix, _)| scheme.starts_with(prefix)).map(|(_, kind)| kind);
        let tls_nats = (scheme == "tls").then_some(&"NATS");
        let message = match kind.or(tls_nats) {
            Some(kind) => format!("{kind} brokers are not in this version"),
            None => "this is not a broker".to_owned(),
        };
        let help = match closest(scheme, ["embedded"]) {
            Some(_) => "did you mean \"embedded:\"?",
            None => "write \"embedded:\", a broker in this process",
        };
        self.cx.report(Problem::error(given.span.clone(), message).help(help.to_owned()));
        None
    }

    /// The broker that a route or consumer uses; `user` is the key that needs one.
    pub(super) fn broker_of(&self, field: &Field<Text>, user: &Given<Text>) -> Option<CompactString> {
        let Some(given) = field.given() else {
            return if field.is_written() { None } else { self.only_broker(user) };
        };
        let found = self.brokers.iter().find(|name| **name == *given.value).cloned();
        if found.is_none() {
            let names: Vec<&str> = self.brokers.iter().map(CompactString::as_str).collect();
            let message = format!("there is no broker {}", given.value.quoted());
            let help = hint(&given.value, &names, "brokers");
            self.cx.report(Problem::error(given.span.clone(), message).help(help));
        }
        found
    }

    fn only_broker(&self, user: &Given<Text>) -> Option<CompactString> {
        let (message, help) = match self.brokers.as_slice() {
            [only] => return Some(only.clone()),
            [] => (
                "this needs a broker, and there is none",
                "add `[broker.main]` with `url = \"embedded:\"`".to_owned(),
            ),
            several => (
                "this needs a broker, and there are several",
                format!("add `broker = \"{}\"` beside it, or another of them", several[0]),
            ),
        };
        self.cx.report(Problem::error(user.key.clone(), message).help(help));
        None
    }
}
