//! One `[[consumer]]`.

use compact_str::CompactString;
use toml::Spanned;

use super::template::Places;
use super::{Check, DAY, HOUR, YEAR};
use crate::problem::Problem;
use crate::raw;
use crate::read::{Duration, Field, Given, Text};
use crate::settings::{Breaker, Consumer, Exhausted, HealthCheck, Source};

/// The destination as it is written, and what kind of source it makes.
type Origin<'r> = (&'r Given<Text>, fn(CompactString) -> Source);

impl Check<'_> {
    pub(super) fn consumer(&self, raw: &Spanned<raw::Consumer>) -> Option<Consumer> {
        let (span, raw) = (raw.span(), raw.get_ref());
        let origin = self.origin(raw, &span);
        let source = origin.and_then(|(given, source)| self.destination(&given.value, given).map(source));
        let broker = origin.and_then(|(given, _)| self.broker_of(&raw.broker, given));
        let name = match (raw.name.given(), &source) {
            (Some(given), _) => self.title(given),
            (None, source) => source.as_ref().map(|source| source.destination().into()),
        };
        let call = raw.call.given().and_then(|call| self.call(call, Places::Consumer));
        let concurrency = self.count(&raw.concurrency, 10_000);
        let timeout = self.within(&raw.timeout, Duration::from_ms(1)..=DAY);
        let retry = self.retry(&raw.retry);
        let fail_on = self.fail_on(&raw.fail_on);
        let health = raw.health.value().and_then(|health| self.health(health));
        let breaker = raw.breaker.value().and_then(|breaker| self.breaker(breaker));
        let inbox = self.inbox(&raw.inbox);
        Some(Consumer {
            name: name?,
            broker: broker?,
            source: source?,
            call: call?,
            concurrency: concurrency?,
            timeout: timeout?.0,
            retry: retry?,
            fail_on,
            exhausted: match raw.exhausted.value()? {
                raw::Exhausted::Fail => Exhausted::Fail,
                raw::Exhausted::Park => Exhausted::Park,
            },
            health,
            breaker,
            inbox: inbox.map(|inbox| inbox.0),
        })
    }

    /// Where its messages come from; exactly one of the two.
    fn origin<'r>(&self, raw: &'r raw::Consumer, span: &std::ops::Range<usize>) -> Option<Origin<'r>> {
        match (&raw.receive, &raw.subscribe) {
            (Field::Given(receive), Field::Given(subscribe)) => {
                let message =
                    "a consumer reads one destination, and this one has both `receive` and `subscribe`";
                self.cx.report(
                    Problem::error(subscribe.key.clone(), message)
                        .also(receive.key.clone(), "the other destination")
                        .help("make a consumer of its own for one of them".to_owned()),
                );
                None
            }
            (Field::Given(receive), _) => Some((receive, Source::Receive)),
            (_, Field::Given(subscribe)) => Some((subscribe, Source::Subscribe)),
            (Field::Invalid, _) | (_, Field::Invalid) => None,
            _ => {
                let problem = Problem::error(span.clone(), "this consumer reads nothing");
                self.cx.report(
                    problem
                        .help("add `receive = …` for a command or `subscribe = …` for an event".to_owned()),
                );
                None
            }
        }
    }

    fn health(&self, raw: &raw::Health) -> Option<HealthCheck> {
        let call = raw.call.given().and_then(|call| self.call(call, Places::Nothing));
        let every = self.within(&raw.every, Duration::from_ms(10)..=HOUR);
        let failures = self.within(&raw.failures, 1..=1_000);
        Some(HealthCheck { call: call?, every: every?.0, failures: u32::try_from(failures?).ok()? })
    }

    fn breaker(&self, raw: &raw::Breaker) -> Option<Breaker> {
        let failures = self.within(&raw.failures, 1..=1_000);
        let pause = self.within(&raw.pause, Duration::from_ms(10)..=HOUR);
        Some(Breaker { failures: u32::try_from(failures?).ok()?, pause: pause?.0 })
    }

    fn inbox(&self, field: &Field<raw::InboxTime>) -> Option<Duration> {
        match field {
            Field::Given(given) => match given.value {
                raw::InboxTime::Off => None,
                raw::InboxTime::For(time) => {
                    let time =
                        Field::Given(Given { value: time, span: given.span.clone(), key: given.key.clone() });
                    self.within(&time, Duration::from_secs(1)..=YEAR)
                }
            },
            Field::Default(raw::InboxTime::For(time)) => Some(*time),
            _ => None,
        }
    }
}
