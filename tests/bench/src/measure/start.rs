//! From the start of the process to ready: on an empty store, and with many operations still open.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Bench, Name};
use crate::load::Until;
use crate::load::request::post;
use crate::report::{self, Bound, Cell, Section, Table, Verdict};
use crate::stats::{median, range};

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let folder = bench.new_folder()?;
    let open = bench.options.open;
    leave_open(bench, folder.path(), open).await?;
    let (mut empty_ms, mut full_ms) = (Vec::new(), Vec::new());
    for round in 1..=bench.options.rounds {
        empty_ms.push(start(bench, bench.new_folder()?.path()).await?);
        full_ms.push(start(bench, folder.path()).await?);
        report::progress(&format!("round {round} of {}: start to ready", bench.options.rounds));
    }
    let full = format!("{} open operations", report::whole(open));
    let rows = vec![row("empty store", &empty_ms), row(&full, &full_ms)];
    let empty_bound = Bound::Most { must: 100.0, goal: 30.0 };
    Ok(Section::new(Name::Start, "Start to ready")
        .table(Table::new(&["", "ms", "from – to"], rows))
        .verdict(Verdict::ms("empty store", median(empty_ms), empty_bound))
        .verdict(Verdict::ms(&full, median(full_ms), Bound::Most { must: 1_000.0, goal: 300.0 }))
        .note("From the start of the process to the first `GET /ready` that is answered 200."))
}

fn row(what: &str, times_ms: &[f64]) -> Vec<Cell> {
    let (low, high) = range(times_ms.iter().copied());
    let middle = median(times_ms.iter().copied());
    vec![
        Cell::text(what),
        Cell::number(format!("{middle:.0}")),
        Cell::number(format!("{low:.0} – {high:.0}")),
    ]
}

async fn start(bench: &Bench<'_>, folder: &Path) -> Result<f64> {
    let gateway = bench.gateway(folder, None).await?;
    let ready_ms = gateway.ready_after.as_secs_f64() * 1e3;
    gateway.stop().await?;
    Ok(ready_ms)
}

/// Operations whose messages are at the broker, where nobody receives them.
async fn leave_open(bench: &Bench<'_>, folder: &Path, count: u64) -> Result<()> {
    report::progress(&format!("accepting {} operations that stay open", report::whole(count)));
    let gateway = bench.gateway(folder, None).await?;
    let load = bench.load(gateway.data, vec![post("/orders")], 202);
    load.run(Until::Count(count)).await.context("the store could not be filled")?;
    gateway.stop().await
}
