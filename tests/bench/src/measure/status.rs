//! Polling: `GET /operations/{id}` of ended operations, in a store of a thousand and in a full one.

use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};
use bytes::Bytes;
use tempfile::TempDir;

use super::rounds::{self, Contender};
use super::sample::Sample;
use super::work;
use super::{Bench, Name};
use crate::load::request::{get, post_of};
use crate::load::{Extras, Until};
use crate::report::{self, Bound, Section, Verdict};

/// How many different operations are asked about: enough that no cache of a few helps.
const IDS_MAX: u64 = 20_000;
const SMALL: u64 = 1_000;

/// A folder with operations in its store.
struct Full {
    folder: TempDir,
    requests: Vec<Bytes>,
}

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let large = bench.options.operations;
    let small = Rc::new(fill(bench, SMALL).await?);
    let full = Rc::new(fill(bench, large).await?);
    let contenders = [
        Contender::new("bare 202 to a GET", || bare(bench)),
        Contender::new(format!("Sidegate: status, {} stored", report::whole(SMALL)), || poll(bench, &small)),
        Contender::new(format!("Sidegate: status, {} stored", report::whole(large)), || poll(bench, &full)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [floor, in_small, in_full] = &all[..] else { unreachable!("as many series as contenders") };
    let bound = Bound::Least { must: 0.60, goal: 0.80 };
    let change = Bound::Within { must: 0.15 };
    Ok(Section::new(Name::Status, "Polling a status")
        .table(rounds::table(&all))
        .verdict(Verdict::ratio("of the bare 202, few stored", in_small.ratio_to(floor), bound))
        .verdict(Verdict::ratio("of the bare 202, full store", in_full.ratio_to(floor), bound))
        .verdict(Verdict::ratio("full store to few stored", in_full.ratio_to(in_small), change))
        .note("The floor answers the same GET, without a body either way."))
}

async fn bare(bench: &Bench<'_>) -> Result<Sample> {
    bench.floor("floor-202", None).await?.sample(bench, get("/operations/x"), 202).await
}

async fn poll(bench: &Bench<'_>, full: &Full) -> Result<Sample> {
    let gateway = bench.gateway(full.folder.path(), None).await?;
    let load = bench.load(gateway.data, full.requests.clone(), 200);
    let sample = bench.sample(&load, || gateway.usage()).await?;
    gateway.stop().await?;
    Ok(sample)
}

/// Makes `count` operations that ended, and remembers some of their ids, evenly over all.
async fn fill(bench: &Bench<'_>, count: u64) -> Result<Full> {
    report::progress(&format!("storing {} operations", report::whole(count)));
    let folder = bench.new_folder()?;
    let ids = events(bench, folder.path(), count).await?;
    let requests = ids.iter().map(|id| get(&format!("/operations/{id}"))).collect();
    Ok(Full { folder, requests })
}

async fn events(bench: &Bench<'_>, folder: &Path, count: u64) -> Result<Vec<String>> {
    let mut gateway = bench.gateway(folder, None).await?;
    let load = bench.load(gateway.data, vec![post_of("/order-events", r#"{"id":1}"#)], 202);
    let extras = Extras { ids_every: Some(count.div_ceil(IDS_MAX)), gate: None };
    let done = work::until_ended(&mut gateway, "event", &load, Until::Count(count), extras, |_| Ok(()));
    let done = done.await.context("the store could not be filled")?;
    gateway.stop().await?;
    Ok(done.measured.ids)
}
