//! The numbers of a consumer: what it takes, and what its calls come to.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::handles::{Families, Latency, Running};
use super::names;

/// What a call to the local service came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// The service did it: its answer is the reply.
    Done,
    /// The service took it and will tell the outcome later (202).
    Later,
    /// The service's definite no: a status in `fail_on`.
    DefiniteNo,
    /// Unknown or asked to wait: it is tried again.
    Retry,
    /// It failed, and it was the last attempt.
    Exhausted,
    /// No answer within the time limit of a call.
    TimedOut,
}

/// The numbers of one consumer.
#[derive(Debug)]
pub struct ConsumerMetrics {
    first_time: Counter,
    redelivered: Counter,
    calls: [Counter; CallResult::ALL.len()],
    call_seconds: Histogram,
    from_inbox: Counter,
    expired: Counter,
    parked: Counter,
    in_flight: Gauge,
    gate: Gauge,
}

/// The families that the consumers share.
pub(super) struct ConsumerFamilies {
    deliveries: Family<DeliveryLabels, Counter>,
    calls: Family<ResultLabels, Counter>,
    call_seconds: Family<ConsumerLabel, Histogram, Latency>,
    from_inbox: Family<ConsumerLabel, Counter>,
    expired: Family<ConsumerLabel, Counter>,
    parked: Family<ConsumerLabel, Counter>,
    in_flight: Family<ConsumerLabel, Gauge>,
    gate: Family<ConsumerLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConsumerLabel {
    consumer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    consumer: String,
    redelivered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    consumer: String,
    result: &'static str,
}

impl CallResult {
    const ALL: [Self; 6] =
        [Self::Done, Self::Later, Self::DefiniteNo, Self::Retry, Self::Exhausted, Self::TimedOut];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later => "later",
            Self::DefiniteNo => "definite_no",
            Self::Retry => "retry",
            Self::Exhausted => "exhausted",
            Self::TimedOut => "timed_out",
        }
    }
}

impl ConsumerMetrics {
    /// A message was taken from the broker for the `attempt`-th time.
    pub fn taken(&self, attempt: u32) {
        if attempt > 1 {
            self.redelivered.inc()
        } else {
            self.first_time.inc()
        };
    }

    /// A call to the service ended after `seconds`.
    pub fn called(&self, result: CallResult, seconds: f64) {
        self.calls[result as usize].inc();
        self.call_seconds.observe(seconds);
    }

    /// A redelivery was answered with what the inbox remembers.
    pub fn answered_from_inbox(&self) {
        self.from_inbox.inc();
    }

    /// A message came after its deadline.
    pub fn expired(&self) {
        self.expired.inc();
    }

    /// A message was set aside.
    pub fn parked(&self) {
        self.parked.inc();
    }

    /// A message is unsettled for as long as the returned value lives.
    pub fn in_flight(&self) -> Running {
        Running::of(&self.in_flight)
    }

    /// Whether messages are taken now.
    pub fn gate(&self, open: bool) {
        self.gate.set(i64::from(open));
    }
}

impl ConsumerFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            deliveries: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(Latency),
            from_inbox: Family::default(),
            expired: Family::default(),
            parked: Family::default(),
            in_flight: Family::default(),
            gate: Family::default(),
        };
        names::DELIVERIES.register(registry, families.deliveries.clone());
        names::CALLS.register(registry, families.calls.clone());
        names::CALL_SECONDS.register(registry, families.call_seconds.clone());
        names::FROM_INBOX.register(registry, families.from_inbox.clone());
        names::EXPIRED.register(registry, families.expired.clone());
        names::PARKED.register(registry, families.parked.clone());
        names::IN_FLIGHT.register(registry, families.in_flight.clone());
        names::GATE.register(registry, families.gate.clone());
        families
    }
}

impl Families for ConsumerFamilies {
    type Handle = ConsumerMetrics;

    fn handle(&self, name: &str) -> ConsumerMetrics {
        let consumer = name.to_owned();
        let label = ConsumerLabel { consumer: consumer.clone() };
        let deliveries = |redelivered| {
            self.deliveries.get_or_create_owned(&DeliveryLabels { consumer: consumer.clone(), redelivered })
        };
        let calls = |result: CallResult| {
            self.calls
                .get_or_create_owned(&ResultLabels { consumer: consumer.clone(), result: result.as_str() })
        };
        ConsumerMetrics {
            first_time: deliveries(false),
            redelivered: deliveries(true),
            calls: CallResult::ALL.map(calls),
            call_seconds: self.call_seconds.get_or_create_owned(&label),
            from_inbox: self.from_inbox.get_or_create_owned(&label),
            expired: self.expired.get_or_create_owned(&label),
            parked: self.parked.get_or_create_owned(&label),
            in_flight: self.in_flight.get_or_create_owned(&label),
            gate: self.gate.get_or_create_owned(&label),
        }
    }
}
