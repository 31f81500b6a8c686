//! Durable acceptance: 202 after the commit, `synchronous=FULL`. Beside it the bare 202, and the bare commit of the
//! same rows, which is what the disk allows.

use anyhow::Result;

use super::rounds::{self, Contender};
use super::sample::Sample;
use super::{Bench, Name};
use crate::cli::Callers;
use crate::load::request::post;
use crate::report::{Bound, Section, Verdict};

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let contenders = [
        Contender::new("bare 202", || bare_202(bench)),
        Contender::new("bare SQLite group commit (no HTTP)", || bare_rows(bench)),
        Contender::new("Sidegate: durable accept", || accept(bench)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [floor, _, gateway] = &all[..] else { unreachable!("as many series as contenders") };
    Ok(Section::new(Name::Accept, "Durable accept")
        .table(rounds::table(&all))
        .verdict(Verdict::ratio(
            "of the bare 202",
            gateway.ratio_to(floor),
            Bound::Least { must: 0.20, goal: 0.35 },
        ))
        .verdict(Verdict::ms("p99", gateway.p99_ms(), Bound::Most { must: 25.0, goal: 10.0 }))
        .note(
            "The messages go on to the embedded broker while acceptance is measured; nobody receives them.",
        ))
}

async fn bare_202(bench: &Bench<'_>) -> Result<Sample> {
    bench.floor("floor-202", None).await?.sample(bench, post("/orders"), 202).await
}

async fn accept(bench: &Bench<'_>) -> Result<Sample> {
    let folder = bench.new_folder()?;
    let gateway = bench.gateway(folder.path(), None).await?;
    let load = bench.load(gateway.data, vec![post("/orders")], 202);
    let sample = bench.sample(&load, || gateway.usage()).await?;
    gateway.stop().await?;
    Ok(sample)
}

async fn bare_rows(bench: &Bench<'_>) -> Result<Sample> {
    let folder = bench.new_folder()?;
    let place = format!("--folder={}", folder.path().display());
    let callers = Callers::of(bench.options.window(), bench.options.connections);
    bench.told_by("floor-sqlite", [place].into_iter().chain(callers.arguments())).await
}
