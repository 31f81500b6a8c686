//! `[broker.NAME]`: which kind each is, and which one a route or consumer means.

use std::collections::BTreeMap;

use compact_str::CompactString;
use toml::Spanned;

use super::Check;
use super::broker_url::{self, EMBEDDED};
use crate::problem::Problem;
use crate::raw;
use crate::read::{Field, Given, Text, hint};
use crate::secret::names_a_file;
use crate::settings::{Broker, BrokerUrl};

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
        let client =
            options.iter().map(|(name, value)| self.option(name.get_ref(), value.get_ref())).collect();
        let names = raw.names.value().map(|names| self.wire_names(names)).unwrap_or_default();
        let name = word?;
        Some((name.clone(), Broker { name, url: url?, create: *raw.create.value()?, names, client }))
    }

    /// An option as the adapter gets it: files are found from the config's folder.
    fn option(&self, name: &str, value: &str) -> (String, String) {
        let is_path = is_file_option(name) && !value.is_empty() && !value.contains('\n');
        let value = if is_path { self.folder.join(value).display().to_string() } else { value.to_owned() };
        (name.to_owned(), value)
    }

    /// The text itself stays out of messages: it may hold a password.
    fn broker_url(&self, given: &Given<Text>) -> Option<BrokerUrl> {
        match broker_url::parse(&given.value) {
            Ok(url) => Some(url),
            Err(fault) => {
                let is_whole = fault.part == (0..given.value.len());
                let part = || self.cx.part(&given.span, &given.value, fault.part);
                let span = if is_whole { given.span.clone() } else { part() };
                self.cx.report(Problem::error(span, fault.message).help(fault.help));
                None
            }
        }
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

/// Whether an option of an adapter names a file: `ca`, `password_file`, librdkafka's `ssl.ca.location`.
fn is_file_option(name: &str) -> bool {
    ["ca", "cert", "key", "creds"].contains(&name) || names_a_file(name)
}
