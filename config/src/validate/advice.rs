//! Warnings: what works, and an operator should know about.

use std::ops::Range;

use toml::Spanned;

use super::Check;
use crate::problem::Problem;
use crate::raw;
use crate::read::{Field, Given, Text};
use crate::settings::{BrokerUrl, Settings, Source, StoreUrl, Target};

impl Check<'_> {
    pub(super) fn advise(&self, raw: &raw::Document, settings: &Settings) {
        if let Some(gateway) = raw.gateway.value() {
            self.advise_gateway(gateway, &settings.gateway);
        }
        if settings.store.url == StoreUrl::Memory {
            let url = raw.store.value().and_then(|store| store.url.given());
            let problem = Problem::warning(span_of(url), "nothing in this store survives the process");
            self.cx.report(
                problem.help("write \"sqlite:sidegate.db\" where accepted work must not be lost".to_owned()),
            );
        }
        self.advise_brokers(raw, settings);
        self.advise_senders(raw, settings);
        self.advise_receivers(raw, settings);
        self.advise_concurrency(raw, settings);
    }

    /// A call that waits for a connection spends its own time, and counts as an attempt when that is up.
    fn advise_concurrency(&self, raw: &raw::Document, settings: &Settings) {
        let raws = raw.consumer.value().map(Vec::as_slice).unwrap_or_default();
        let calls_max = settings.gateway.limits.calls_max;
        for (raw, consumer) in raws.iter().map(Spanned::get_ref).zip(&settings.consumers) {
            if consumer.concurrency > calls_max {
                let message = format!("only {calls_max} of these calls can be made at once");
                let help = "raise `calls` in [gateway.limits], or lower `concurrency`";
                let span = raw.concurrency.given().map_or(0..0, |given| given.span.clone());
                self.cx.report(Problem::warning(span, message).help(help.to_owned()));
            }
        }
    }

    /// No error: whoever changes nothing but the URL, to try something, keeps the rest of the table.
    fn advise_brokers(&self, raw: &raw::Document, settings: &Settings) {
        let raws = raw.broker.value().map(|brokers| brokers.0.as_slice()).unwrap_or_default();
        for (name, raw) in raws.iter().map(|(name, raw)| (name.get_ref(), raw.get_ref())) {
            let Some(broker) = settings.brokers.get(name.as_str()) else { continue };
            for (span, message) in without_meaning(raw, &broker.url) {
                let problem = Problem::warning(span, format!("this changes nothing: {message}"));
                self.cx.report(problem.help("leave it out, or use another broker".to_owned()));
            }
        }
    }

    /// The embedded broker ends with the process, so whoever is to receive must be in it.
    fn advise_senders(&self, raw: &raw::Document, settings: &Settings) {
        let raws = raw.route.value().map(Vec::as_slice).unwrap_or_default();
        for (raw, route) in raws.iter().map(Spanned::get_ref).zip(&settings.routes) {
            let Target::Send { broker, destination } = &route.target else { continue };
            let Some(destination) = destination.as_literal().filter(|_| is_embedded(settings, broker)) else {
                continue;
            };
            let received = settings.consumers.iter().any(|consumer| {
                consumer.broker == *broker && consumer.source == Source::Receive(destination.into())
            });
            if !received {
                let message =
                    format!("nobody receives `{destination}`: the embedded broker lives in this process");
                let help = "add a [[consumer]] with `receive`, or use a broker between processes";
                self.cx.report(Problem::warning(span_of(raw.send.given()), message).help(help.to_owned()));
            }
        }
    }

    /// The same from the other side. A destination made by a template may be any.
    fn advise_receivers(&self, raw: &raw::Document, settings: &Settings) {
        let raws = raw.consumer.value().map(Vec::as_slice).unwrap_or_default();
        for (raw, consumer) in raws.iter().map(Spanned::get_ref).zip(&settings.consumers) {
            let is_fed = settings.routes.iter().any(|route| feeds(&route.target, &consumer.source));
            if is_embedded(settings, &consumer.broker) && !is_fed {
                let given = raw.receive.given().or(raw.subscribe.given());
                let message = format!(
                    "nobody sends to `{}`: the embedded broker lives in this process",
                    consumer.source.destination()
                );
                let help = "add a [[route]] that leads to it, or use a broker between processes";
                self.cx.report(Problem::warning(span_of(given), message).help(help.to_owned()));
            }
        }
    }
}

/// Keys that a broker of this kind does not follow, and why.
fn without_meaning(raw: &raw::Broker, url: &BrokerUrl) -> Vec<(Range<usize>, &'static str)> {
    let create = raw.create.given().filter(|create| !create.value).map(|create| &create.key);
    let names = raw.names.given();
    let named = |header: fn(&raw::Names) -> &Field<Text>| {
        names.and_then(|names| header(&names.value).given()).map(|given| &given.key)
    };
    let found = match url {
        BrokerUrl::Embedded => vec![
            (create, "the embedded broker's queues are made as they are needed"),
            (names.map(|names| &names.key), "nobody else sees the embedded broker's headers"),
        ],
        BrokerUrl::Kafka(_) => vec![(named(|names| &names.key), "Kafka's records have a key of their own")],
        BrokerUrl::Nats(_) | BrokerUrl::RabbitMq(_) | BrokerUrl::Redis(_) => {
            vec![(named(|names| &names.reply_partition), "only Kafka has partitions")]
        }
    };
    found.into_iter().filter_map(|(span, why)| Some((span?.clone(), why))).collect()
}

fn feeds(target: &Target, source: &Source) -> bool {
    match (target, source) {
        (Target::Send { destination, .. }, Source::Receive(name))
        | (Target::Publish { destination, .. }, Source::Subscribe(name)) => {
            destination.as_literal().is_none_or(|literal| literal == name.as_str())
        }
        _ => false,
    }
}

fn is_embedded(settings: &Settings, broker: &str) -> bool {
    settings.brokers.get(broker).is_some_and(|broker| broker.url == BrokerUrl::Embedded)
}

fn span_of(given: Option<&Given<Text>>) -> Range<usize> {
    given.map_or(0..0, |given| given.span.clone())
}
