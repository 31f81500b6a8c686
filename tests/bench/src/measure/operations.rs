//! Whole durable operations: accepted, sent, received, executed, answered, and the outcome recorded, with both sides
//! in one process. First round by round, then once over many, in slices that must not get slower.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::rounds::{self, Contender};
use super::sample::Sample;
use super::work::{self, Done, Progress};
use super::{Bench, Name};
use crate::load::request::post;
use crate::load::{Extras, Until};
use crate::report::{self, Bound, Cell, Section, Table, Verdict};
use crate::stats::{median, number, range, ratio};

const SLICES: u64 = 10;

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let contenders = [
        Contender::new("Sidegate: accepted to outcome, polled", || polled(bench)),
        Contender::new("Sidegate: accepted to outcome, held", || held(bench)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let slices = long_run(bench).await?;
    let slowest = range(slices.iter().copied()).0;
    let flat = ratio(slowest, median(slices.iter().copied()));
    Ok(Section::new(Name::Operations, "Whole durable operations, both sides in one process")
        .table(rounds::table_without_floor(&all))
        .verdict(Verdict::per_second("accepted to outcome", all[0].per_second(), 5_000.0, 12_000.0))
        .table(slice_table(bench.options.operations, &slices))
        .verdict(Verdict::ratio("slowest slice of the median one", flat, Bound::Within { must: 0.15 }))
        .note(
            "Polled: recorded outcomes per second, with up to 4,000 operations open; the latency is that of the 202. \
             Held: each connection waits for its outcome, and the latency is that of the whole operation.",
        ))
}

/// Outcomes per second while requests are accepted as fast as outcomes are recorded.
async fn polled(bench: &Bench<'_>) -> Result<Sample> {
    let (folder, backend) = (bench.new_folder()?, bench.floor("backend", None).await?);
    let mut gateway = bench.gateway(folder.path(), Some(&backend)).await?;
    let load = bench.load(gateway.data, vec![post("/work")], 202);
    let until = Until::For(bench.options.warm_up() + bench.options.window());
    let mut warm = None;
    let observe = |progress: Progress| {
        if progress.at >= bench.options.warm_up() {
            warm.get_or_insert(progress);
        }
        Ok(())
    };
    let done = work::until_ended(&mut gateway, "work", &load, until, Extras::default(), observe).await?;
    gateway.stop().await?;
    outcomes(warm.context("the run was too short")?, &done)
}

/// What ended between the warm-up and the last acceptance: while the pipeline was full.
pub(super) fn outcomes(warm: Progress, done: &Done) -> Result<Sample> {
    let (ended, elapsed) = (done.accepted.ended - warm.ended, done.accepted.at - warm.at);
    ensure!(ended > 0, "nothing ended in {elapsed:?}");
    let acceptance = Sample::new(&done.measured.latency, elapsed, warm.usage, done.accepted.usage);
    Ok(Sample { requests: ended, ..acceptance })
}

async fn held(bench: &Bench<'_>) -> Result<Sample> {
    let (folder, backend) = (bench.new_folder()?, bench.floor("backend", None).await?);
    let gateway = bench.gateway(folder.path(), Some(&backend)).await?;
    let load = bench.load(gateway.data, vec![post("/held")], 200);
    let sample = bench.sample(&load, || gateway.usage()).await?;
    gateway.stop().await?;
    Ok(sample)
}

/// Outcomes per second in each slice of one long run on one store.
async fn long_run(bench: &Bench<'_>) -> Result<Vec<f64>> {
    let count = bench.options.operations;
    report::progress(&format!("one run of {} operations", report::whole(count)));
    let (folder, backend) = (bench.new_folder()?, bench.floor("backend", None).await?);
    let mut gateway = bench.gateway(folder.path(), Some(&backend)).await?;
    let load = bench.load(gateway.data, vec![post("/work")], 202);
    let mut seen = vec![(0, Duration::ZERO)];
    let observe = |progress: Progress| {
        seen.push((progress.ended, progress.at));
        Ok(())
    };
    work::until_ended(&mut gateway, "work", &load, Until::Count(count), Extras::default(), observe).await?;
    gateway.stop().await?;
    slices(&seen, count)
}

/// The rate in each tenth of `count`, from what was ended when.
fn slices(seen: &[(u64, Duration)], count: u64) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    let mut begun = (0, Duration::ZERO);
    for slice in 1..=SLICES {
        let until = count * slice / SLICES;
        let ended = seen.iter().copied().find(|(ended, _)| *ended >= until).context("the run did not end")?;
        ensure!(ended.1 > begun.1, "{count} operations are too few to be measured in slices");
        rates.push(number(ended.0 - begun.0) / (ended.1 - begun.1).as_secs_f64());
        begun = ended;
    }
    Ok(rates)
}

fn slice_table(count: u64, slices: &[f64]) -> Table {
    let ends = (1..=SLICES).map(|slice| report::whole(count * slice / SLICES));
    let rows =
        ends.zip(slices).map(|(end, rate)| vec![Cell::number(end), Cell::number(report::count(*rate))]);
    Table::new(&["operations so far", "outcomes/s in this slice"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::slices;
    use std::time::Duration;

    #[test]
    fn a_run_that_slows_down_shows_it_in_its_slices() {
        let at = |ended: u64| {
            (ended, Duration::from_millis(if ended <= 500 { ended } else { 500 + 2 * (ended - 500) }))
        };
        let seen: Vec<_> = (0..=100).map(|step| at(step * 10)).collect();
        let rates = slices(&seen, 1_000).expect("ten slices");
        assert!((rates[0] - 1_000.0).abs() < 1.0 && (rates[9] - 500.0).abs() < 1.0, "{rates:?}");
    }

    #[test]
    fn a_run_without_an_end_has_no_slices() {
        assert!(slices(&[(0, Duration::ZERO), (999, Duration::from_secs(1))], 1_000).is_err());
    }
}
