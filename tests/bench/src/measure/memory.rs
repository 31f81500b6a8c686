//! Memory: of an idle gateway, for each caller that is held, and over minutes of load.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::work::{self, Progress};
use super::{Bench, Name};
use crate::load::crowd::Crowd;
use crate::load::request::post;
use crate::load::{Extras, Until};
use crate::report::{self, Bound, Cell, Section, Table, Verdict};
use crate::stats::{median, number, ratio};

/// An idle gateway has done what it does after its start.
const SETTLED: Duration = Duration::from_secs(2);
/// How long it may take until every caller is held.
const HELD_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often memory is looked at under load.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Memory of a gateway without callers and with many, in KiB.
struct Crowded {
    idle_kib: f64,
    per_caller_kib: f64,
}

/// Memory over a run, in MiB.
struct Watched {
    /// Second by second.
    rss_mib: Vec<f64>,
    operations: u64,
}

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let mut crowded = Vec::new();
    for round in 1..=bench.options.rounds {
        crowded.push(crowd(bench).await?);
        report::progress(&format!("round {round} of {}: memory of held callers", bench.options.rounds));
    }
    let watched = watch(bench).await?;
    let idle_mib = median(crowded.iter().map(|round| round.idle_kib)) / 1024.0;
    let caller_kib = median(crowded.iter().map(|round| round.per_caller_kib));
    let (early, end, highest) = watched.summary();
    let callers = report::whole(bench.options.callers.into());
    let rows = vec![
        row("idle", format!("{idle_mib:.1} MiB")),
        row(&format!("for each of {callers} held callers"), format!("{caller_kib:.1} KiB")),
        row("under load, after a tenth of the time", format!("{early:.1} MiB")),
        row("under load, at the end", format!("{end:.1} MiB")),
        row("under load, highest", format!("{highest:.1} MiB")),
        row("operations in that time", report::whole(watched.operations)),
    ];
    Ok(Section::new(Name::Memory, "Memory")
        .table(Table::new(&["RSS", ""], rows))
        .verdict(Verdict::mib("idle", idle_mib, 20.0, 12.0))
        .verdict(Verdict::kib("per held caller", caller_kib, 16.0, 10.0))
        .verdict(Verdict::ratio("end of the load to its start", ratio(end, early), Bound::Within { must: 0.10 }))
        .note(&format!(
            "A held caller's message of 1 KiB waits in the broker meanwhile, and counts. The load is whole durable \
             operations as fast as they go, once for {} min.",
            bench.options.minutes
        )))
}

fn row(what: &str, value: String) -> Vec<Cell> {
    vec![Cell::text(what), Cell::number(value)]
}

async fn crowd(bench: &Bench<'_>) -> Result<Crowded> {
    let folder = bench.new_folder()?;
    let mut gateway = bench.gateway(folder.path(), None).await?;
    tokio::time::sleep(SETTLED).await;
    let idle_kib = gateway.usage()?.rss_kib;

    let crowd = Crowd::gather(gateway.data, bench.options.callers, &post("/never")).await?;
    let until = Instant::now() + HELD_TIMEOUT;
    loop {
        let held = gateway.admin.held("never").await?;
        if held == crowd.len() as u64 {
            break;
        }
        ensure!(Instant::now() < until, "only {held} callers are held:\n{}", gateway.log());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let grown_kib = gateway.usage()?.rss_kib.saturating_sub(idle_kib);
    let per_caller_kib = number(grown_kib) / f64::from(bench.options.callers);
    drop(crowd);
    gateway.stop().await?;
    Ok(Crowded { idle_kib: number(idle_kib), per_caller_kib })
}

async fn watch(bench: &Bench<'_>) -> Result<Watched> {
    let minutes = Duration::from_secs(bench.options.minutes * 60);
    report::progress(&format!("memory over {} minutes of load", bench.options.minutes));
    let (folder, backend) = (bench.new_folder()?, bench.floor("backend", None).await?);
    let mut gateway = bench.gateway(folder.path(), Some(&backend)).await?;
    let load = bench.load(gateway.data, vec![post("/work")], 202);
    let mut rss_mib = Vec::new();
    let mut next = Duration::ZERO;
    let observe = |progress: Progress| {
        if progress.at >= next {
            rss_mib.push(number(progress.usage.rss_kib) / 1024.0);
            next = progress.at + SAMPLE_EVERY;
        }
        Ok(())
    };
    let done =
        work::until_ended(&mut gateway, "work", &load, Until::For(minutes), Extras::default(), observe);
    let operations = done.await.context("the load failed")?.measured.latency.count();
    gateway.stop().await?;
    Ok(Watched { rss_mib, operations })
}

impl Watched {
    /// After a tenth, at the end, and at most. Each is the median of a few seconds.
    fn summary(&self) -> (f64, f64, f64) {
        const SECONDS: usize = 5;
        let around = |at: usize| {
            let window = self.rss_mib.iter().skip(at.saturating_sub(SECONDS)).take(SECONDS);
            median(window.copied())
        };
        let count = self.rss_mib.len();
        let highest = self.rss_mib.iter().copied().fold(0.0, f64::max);
        (around((count / 10).max(SECONDS)), around(count), highest)
    }
}
