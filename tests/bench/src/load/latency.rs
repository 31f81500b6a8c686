//! A histogram of durations, to three digits, up to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest that is told apart, in microseconds.
const MICROS_MAX: u64 = 60_000_000;
const DIGITS: u8 = 3;

/// How long requests took.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the histogram accepts")]
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_max(MICROS_MAX, DIGITS).expect("constant bounds are valid"))
    }

    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(MICROS_MAX);
        self.0.saturating_record(micros);
    }

    #[expect(clippy::expect_used, reason = "two histograms of the same bounds always add up")]
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("equal bounds");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration below which `quantile` of all are.
    pub(crate) fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }
}
