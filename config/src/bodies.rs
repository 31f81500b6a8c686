//! How large a body each broker must be ready to carry, and who says so: against what the brokers take, this is
//! checked by whoever knows them.

use std::collections::BTreeSet;
use std::ops::Range;

use compact_str::CompactString;
use toml::Spanned;

use crate::problem::{Problem, Problems};
use crate::read::{Field, Size};
use crate::settings::{Broker, Route, Settings, Source, Target};
use crate::{Loaded, raw};

/// The option of an adapter by which its limit is set.
const OPTION: &str = "message_bytes_max";

/// A bound on bodies that go over a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// `[broker.NAME]`.
    pub broker: CompactString,
    /// The largest that is let in.
    pub bytes_max: usize,
    /// Which key says so: "`body` in [gateway.limits]".
    pub key: String,
    written: Option<Range<usize>>,
    /// Where the broker's own limit is written, else its URL.
    broker_at: Range<usize>,
}

impl Loaded {
    /// Every bound on bodies that go over a broker, each once.
    #[must_use]
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// Refuses bodies that a broker is known not to take. `message_bytes_max` tells what it takes, `None` where only
    /// the broker itself knows.
    ///
    /// # Errors
    /// Each such body, and what there was to warn of.
    pub fn fit(self, message_bytes_max: impl Fn(&Broker) -> Option<usize>) -> Result<Self, Problems> {
        let taken = |body: &Body| message_bytes_max(self.settings.brokers.get(&body.broker)?);
        let too_large =
            |body: &Body| Some(body.refused(taken(body).filter(|taken| body.bytes_max > *taken)?));
        let refused: Vec<Problem> = self.bodies.iter().filter_map(too_large).collect();
        if refused.is_empty() { Ok(self) } else { Err(self.warnings.and(refused)) }
    }
}

impl Body {
    fn refused(&self, taken: usize) -> Problem {
        let Self { broker, key, .. } = self;
        let (most, taken) = (Size(self.bytes_max), Size(taken));
        let message = format!(
            "{key} is {most}, and broker `{broker}` takes messages of at most {taken}, headers included"
        );
        let help = format!(
            "set {key} so far below {taken} that headers fit, or raise `{OPTION}` in [broker.{broker}] client"
        );
        let problem = match &self.written {
            Some(at) => Problem::error(at.clone(), message).also(self.broker_at.clone(), "the broker"),
            None => Problem::error(self.broker_at.clone(), message),
        };
        problem.help(help)
    }
}

/// The bounds in a config that is right.
pub(crate) fn of(raw: &raw::Document, settings: &Settings) -> Vec<Body> {
    let brokers = raw.broker.value().map(|brokers| brokers.0.as_slice()).unwrap_or_default();
    let body = |broker: &CompactString, bytes_max, key, written| {
        let at = brokers.iter().find(|(name, _)| name.get_ref() == broker.as_str());
        let broker_at = at.map_or(0..0, |(_, raw)| limit_of(raw.get_ref()));
        Body { broker: broker.clone(), bytes_max, key, written, broker_at }
    };
    let raws = raw.route.value().map(Vec::as_slice).unwrap_or_default();
    let own = raws.iter().map(Spanned::get_ref).zip(&settings.routes).filter_map(|(raw, route)| {
        let key = format!("`body` of route `{}`", route.name);
        Some(body(broker_of(route)?, route.body_bytes_max?, key, span_of(&raw.body)))
    });
    let limit = raw.gateway.value().and_then(|gateway| span_of(&gateway.limits.value()?.body));
    let limited = limited(settings).into_iter().map(|broker| {
        let key = "`body` in [gateway.limits]".to_owned();
        body(broker, settings.gateway.limits.body_bytes_max, key, limit.clone())
    });
    own.chain(limited).collect()
}

/// The brokers over which bodies go that the gateway's own limit bounds: a consumer's answers do, too.
fn limited(settings: &Settings) -> BTreeSet<&CompactString> {
    let asked = settings.routes.iter().filter(|route| route.body_bytes_max.is_none());
    let answers = settings.consumers.iter().filter(|consumer| matches!(consumer.source, Source::Receive(_)));
    asked.filter_map(|route| broker_of(route)).chain(answers.map(|consumer| &consumer.broker)).collect()
}

fn broker_of(route: &Route) -> Option<&CompactString> {
    match &route.target {
        Target::Send { broker, .. } | Target::Publish { broker, .. } => Some(broker),
        Target::Call { .. } => None,
    }
}

/// Where a broker's limit is written, else its URL.
fn limit_of(raw: &raw::Broker) -> Range<usize> {
    let options = raw.client.value().map(|options| options.0.as_slice()).unwrap_or_default();
    let option = options.iter().find(|(name, _)| name.get_ref() == OPTION).map(|(_, value)| value.span());
    option.or_else(|| span_of(&raw.url)).unwrap_or(0..0)
}

fn span_of<T>(field: &Field<T>) -> Option<Range<usize>> {
    field.given().map(|given| given.span.clone())
}
