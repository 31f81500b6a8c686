//! Held and answered, nothing stored: a service called directly, and a command over the embedded broker with both
//! sides in one process. Beside them a bare reverse proxy to the same service.

use anyhow::Result;

use super::rounds::{self, Contender};
use super::sample::Sample;
use super::{Bench, Name};
use crate::load::request::post;
use crate::report::{Bound, Section, Verdict};

pub(super) async fn call(bench: &Bench<'_>) -> Result<Section> {
    let bound = Bound::Least { must: 0.70, goal: 0.90 };
    measure(bench, Section::new(Name::Call, "A service called directly, held"), "/call", bound).await
}

pub(super) async fn send(bench: &Bench<'_>) -> Result<Section> {
    let bound = Bound::Least { must: 0.35, goal: 0.60 };
    let section = Section::new(Name::Send, "A command over the embedded broker, held, not durable");
    measure(bench, section, "/send", bound).await
}

async fn measure(bench: &Bench<'_>, section: Section, path: &'static str, bound: Bound) -> Result<Section> {
    let label = format!("Sidegate: {}", path.trim_start_matches('/'));
    let contenders = [
        Contender::new("bare reverse proxy", || bare_proxy(bench)),
        Contender::new(label, || gateway(bench, path)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [floor, gateway] = &all[..] else { unreachable!("as many series as contenders") };
    let verdict = Verdict::ratio("of the bare proxy", gateway.ratio_to(floor), bound);
    Ok(section.table(rounds::table(&all)).verdict(verdict))
}

async fn bare_proxy(bench: &Bench<'_>) -> Result<Sample> {
    let backend = bench.floor("backend", None).await?;
    bench.floor("floor-proxy", Some(&backend)).await?.sample(bench, post("/"), 200).await
}

async fn gateway(bench: &Bench<'_>, path: &str) -> Result<Sample> {
    let (folder, backend) = (bench.new_folder()?, bench.floor("backend", None).await?);
    let gateway = bench.gateway(folder.path(), Some(&backend)).await?;
    let load = bench.load(gateway.data, vec![post(path)], 200);
    let sample = bench.sample(&load, || gateway.usage()).await?;
    gateway.stop().await?;
    Ok(sample)
}
