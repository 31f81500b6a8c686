//! Contenders in turn, round by round: whatever the machine does in between, it does to all of them.

use anyhow::{Context, Result};
use futures_util::future::LocalBoxFuture;

use super::sample::Sample;
use crate::report::{self, Cell, Table};
use crate::stats::{median, range, ratio};

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

    /// Median of a value over the rounds.
    pub(crate) fn median(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.all(value))
    }

    /// Median of comparisons with another contender, each within one round.
    pub(crate) fn compared_to(&self, other: &Self, compare: impl Fn(&Sample, &Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(own, other)| compare(own, other)))
    }

    /// Median of requests per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.median(Sample::per_second)
    }

    /// Median of the 99th percentiles, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.median(|sample| sample.p99_us) / 1e3
    }

    /// Median of the ratios to another contender's rate, each within one round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        self.compared_to(other, |own, other| ratio(own.per_second(), other.per_second()))
    }

    fn row(&self, floor: Option<&Self>) -> Vec<Cell> {
        let used = [
            one_digit(self.median(|sample| sample.cpu_us_per_request(sample.used))),
            one_digit(self.median(|sample| sample.used.rss_mib())),
        ];
        self.cells(floor, used)
    }

    /// The same with both processes of a pair.
    fn pair_row(&self, floor: Option<&Self>) -> Vec<Cell> {
        let used = [
            one_digit(self.median(|sample| sample.cpu_us_per_request(sample.used))),
            one_digit(self.median(|sample| sample.cpu_us_per_request(sample.partner()))),
            one_digit(self.median(|sample| sample.used.rss_mib())),
            one_digit(self.median(|sample| sample.partner().rss_mib())),
        ];
        self.cells(floor, used)
    }

    fn cells(&self, floor: Option<&Self>, used: impl IntoIterator<Item = Cell>) -> Vec<Cell> {
        let (low, high) = range(self.all(Sample::per_second));
        let of_floor = floor.map(|floor| Cell::number(format!("{:.2}", self.ratio_to(floor))));
        let start = [
            Cell::text(&self.label),
            Cell::number(report::count(self.per_second())),
            Cell::number(format!("{} – {}", report::count(low), report::count(high))),
        ];
        let end = [
            Cell::number(format!("{:.2}", self.median(|sample| sample.p50_us) / 1e3)),
            Cell::number(format!("{:.2}", self.p99_ms())),
        ];
        start.into_iter().chain(of_floor).chain(used).chain(end).collect()
    }
}

fn one_digit(value: f64) -> Cell {
    Cell::number(format!("{value:.1}"))
}

/// The table of contenders, the first of which is the floor.
pub(crate) fn table(all: &[Series]) -> Table {
    table_of("", all)
}

/// The same where there are several of them.
pub(crate) fn table_of(what: &str, all: &[Series]) -> Table {
    let header =
        [what, "requests/s", "from – to", "of the floor", "CPU µs/request", "RSS MiB", "p50 ms", "p99 ms"];
    Table::new(&header, all.iter().map(|series| series.row(all.first())).collect())
}

/// The table of contenders without a floor.
pub(crate) fn table_without_floor(all: &[Series]) -> Table {
    let header = ["", "operations/s", "from – to", "CPU µs/operation", "RSS MiB", "p50 ms", "p99 ms"];
    Table::new(&header, all.iter().map(|series| series.row(None)).collect())
}

/// The table of contenders that are pairs of processes, the first of which is the floor.
pub(crate) fn pair_table(what: &str, all: &[Series]) -> Table {
    pairs(what, Some("of the first"), all.iter().map(|series| series.pair_row(all.first())).collect())
}

/// The table of contenders that are pairs of processes, without a floor.
pub(crate) fn pair_table_without_floor(what: &str, all: &[Series]) -> Table {
    pairs(what, None, all.iter().map(|series| series.pair_row(None)).collect())
}

fn pairs(what: &str, of_floor: Option<&str>, rows: Vec<Vec<Cell>>) -> Table {
    let start = [what, "requests/s", "from – to"];
    let used = ["CPU µs asking", "CPU µs answering", "RSS MiB asking", "RSS MiB answering"];
    let header = start.into_iter().chain(of_floor).chain(used).chain(["p50 ms", "p99 ms"]);
    Table::new(&header.collect::<Vec<_>>(), rows)
}
