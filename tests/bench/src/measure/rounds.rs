//! Contenders in turn, round by round: whatever the machine does in between, it does to all of them.

use anyhow::{Context, Result};
use futures_util::future::LocalBoxFuture;

use super::sample::Sample;
use crate::report::{self, Cell, Table};
use crate::stats::{median, number, range, ratio};

/// Something that is measured once in each round.
pub(crate) struct Contender<'a> {
    label: String,
    measure: Box<dyn Fn() -> LocalBoxFuture<'a, Result<Sample>> + 'a>,
}

/// What a contender reached, in the order of the rounds.
#[derive(Debug)]
pub(crate) struct Series {
    label: String,
    samples: Vec<Sample>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new<F>(label: impl Into<String>, measure: impl Fn() -> F + 'a) -> Self
    where
        F: Future<Output = Result<Sample>> + 'a,
    {
        Self { label: label.into(), measure: Box::new(move || Box::pin(measure())) }
    }
}

/// Runs the rounds. Each begins with another contender, so that nobody is always first.
///
/// # Errors
/// A contender failed.
pub(crate) async fn run(rounds: u32, contenders: &[Contender<'_>]) -> Result<Vec<Series>> {
    let new = |contender: &Contender<'_>| Series { label: contender.label.clone(), samples: Vec::new() };
    let mut all: Vec<Series> = contenders.iter().map(new).collect();
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let sample = (contenders[at].measure)().await;
            let sample =
                sample.with_context(|| format!("`{}` could not be measured", contenders[at].label))?;
            let rate = report::count(sample.per_second());
            report::progress(&format!("round {} of {rounds}: {}: {rate}/s", round + 1, contenders[at].label));
            all[at].samples.push(sample);
        }
    }
    Ok(all)
}

impl Series {
    fn all(&self, value: impl Fn(&Sample) -> f64) -> impl Iterator<Item = f64> {
        self.samples.iter().map(value)
    }

    /// Median of requests per second.
    pub(crate) fn per_second(&self) -> f64 {
        median(self.all(Sample::per_second))
    }

    /// Median of the 99th percentiles, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        median(self.all(|sample| sample.p99_us)) / 1e3
    }

    /// Median of the ratios to another contender's rate, each within one round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(own, other)| ratio(own.per_second(), other.per_second())))
    }

    fn row(&self, floor: Option<&Self>) -> Vec<Cell> {
        let (low, high) = range(self.all(Sample::per_second));
        let rss_kib = median(self.all(|sample| number(sample.rss_kib)));
        let of_floor = floor.map(|floor| Cell::number(format!("{:.2}", self.ratio_to(floor))));
        let start = [
            Cell::text(&self.label),
            Cell::number(report::count(self.per_second())),
            Cell::number(format!("{} – {}", report::count(low), report::count(high))),
        ];
        let end = [
            Cell::number(format!("{:.1}", median(self.all(Sample::cpu_us_per_request)))),
            Cell::number(format!("{:.1}", rss_kib / 1024.0)),
            Cell::number(format!("{:.2}", median(self.all(|sample| sample.p50_us)) / 1e3)),
            Cell::number(format!("{:.2}", self.p99_ms())),
        ];
        start.into_iter().chain(of_floor).chain(end).collect()
    }
}

/// The table of contenders, the first of which is the floor.
pub(crate) fn table(all: &[Series]) -> Table {
    let header =
        ["", "requests/s", "from – to", "of the floor", "CPU µs/request", "RSS MiB", "p50 ms", "p99 ms"];
    Table::new(&header, all.iter().map(|series| series.row(all.first())).collect())
}

/// The table of contenders without a floor.
pub(crate) fn table_without_floor(all: &[Series]) -> Table {
    let header = ["", "operations/s", "from – to", "CPU µs/operation", "RSS MiB", "p50 ms", "p99 ms"];
    Table::new(&header, all.iter().map(|series| series.row(None)).collect())
}
