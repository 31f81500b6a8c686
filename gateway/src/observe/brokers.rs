//! The numbers of a broker: what is handed to it, and what comes back.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sidegate_broker::LinkState;

use super::handles::{Families, Latency};
use super::names;

/// The numbers of one broker.
#[derive(Debug)]
pub struct BrokerMetrics {
    published: Counter,
    publish_failed: Counter,
    publish_seconds: Histogram,
    replies_known: Counter,
    replies_unknown: Counter,
    up: Gauge,
    reconnects: Gauge,
    unconfirmed: Gauge,
    waiting: Waiting,
}

/// The messages that wait, by destination.
#[derive(Debug, Clone)]
struct Waiting {
    broker: String,
    family: Family<WaitingLabels, Gauge>,
}

/// The families that the brokers share.
pub(super) struct BrokerFamilies {
    published: Family<ResultLabels, Counter>,
    publish_seconds: Family<BrokerLabel, Histogram, Latency>,
    replies: Family<ReplyLabels, Counter>,
    up: Family<BrokerLabel, Gauge>,
    reconnects: Family<BrokerLabel, Gauge>,
    unconfirmed: Family<BrokerLabel, Gauge>,
    waiting: Family<WaitingLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitingLabels {
    broker: String,
    destination: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BrokerLabel {
    broker: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    broker: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReplyLabels {
    broker: String,
    operation: &'static str,
}

impl BrokerMetrics {
    /// A message was handed over: `ok` when the broker took responsibility, after `seconds`.
    pub fn published(&self, ok: bool, seconds: f64) {
        if ok {
            self.published.inc()
        } else {
            self.publish_failed.inc()
        };
        self.publish_seconds.observe(seconds);
    }

    /// A reply came, for an operation that is known here or not.
    pub fn reply(&self, known: bool) {
        if known {
            self.replies_known.inc()
        } else {
            self.replies_unknown.inc()
        };
    }

    /// Whether the broker can be reached.
    pub fn state(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    /// How the connection does.
    pub fn link(&self, state: LinkState) {
        self.reconnects.set(i64::try_from(state.reconnects).unwrap_or(i64::MAX));
        self.unconfirmed.set(i64::try_from(state.unconfirmed).unwrap_or(i64::MAX));
    }

    /// How many messages wait at a destination.
    pub fn waiting(&self, destination: &str, messages: u64) {
        let labels =
            WaitingLabels { broker: self.waiting.broker.clone(), destination: destination.to_owned() };
        let gauge = self.waiting.family.get_or_create_owned(&labels);
        gauge.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }
}

impl BrokerFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            published: Family::default(),
            publish_seconds: Family::new_with_constructor(Latency),
            replies: Family::default(),
            up: Family::default(),
            reconnects: Family::default(),
            unconfirmed: Family::default(),
            waiting: Family::default(),
        };
        names::PUBLISHED.register(registry, families.published.clone());
        names::PUBLISH_SECONDS.register(registry, families.publish_seconds.clone());
        names::REPLIES.register(registry, families.replies.clone());
        names::BROKER_UP.register(registry, families.up.clone());
        names::RECONNECTS.register(registry, families.reconnects.clone());
        names::UNCONFIRMED.register(registry, families.unconfirmed.clone());
        names::WAITING.register(registry, families.waiting.clone());
        families
    }
}

impl Families for BrokerFamilies {
    type Handle = BrokerMetrics;

    fn handle(&self, name: &str) -> BrokerMetrics {
        let broker = name.to_owned();
        let label = BrokerLabel { broker: broker.clone() };
        let published =
            |result| self.published.get_or_create_owned(&ResultLabels { broker: broker.clone(), result });
        let replies =
            |operation| self.replies.get_or_create_owned(&ReplyLabels { broker: broker.clone(), operation });
        BrokerMetrics {
            published: published("ok"),
            publish_failed: published("failed"),
            publish_seconds: self.publish_seconds.get_or_create_owned(&label),
            replies_known: replies("known"),
            replies_unknown: replies("unknown"),
            up: self.up.get_or_create_owned(&label),
            reconnects: self.reconnects.get_or_create_owned(&label),
            unconfirmed: self.unconfirmed.get_or_create_owned(&label),
            waiting: Waiting { broker: broker.clone(), family: self.waiting.clone() },
        }
    }
}
