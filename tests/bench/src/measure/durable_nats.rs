//! Whole durable operations over JetStream between two gateways: accepted, sent, received, executed, answered, and the
//! outcome recorded, with SQLite at `synchronous=FULL` on both sides.

use std::time::Duration;

use anyhow::{Context, Result};

use super::operations::outcomes;
use super::pair::{self, Gateways, Trip};
use super::rounds::{self, Contender};
use super::sample::{Sample, Used};
use super::{Bench, Name, work};
use crate::brokers::{Broker, Kind};
use crate::load::pace::Pace;
use crate::load::{Extras, Until};
use crate::process::usage::Usage;
use crate::report::{self, Bound, Section, Verdict};

/// Where latencies are looked at: far below what it can do.
const PER_SECOND: u32 = 1_000;

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let broker = Broker::start(Kind::Nats).await?;
    let connections = bench.options.connections;
    let held = |pace| Trip { path: "/held", connections, pace };
    let rate = report::whole(PER_SECOND.into());
    let contenders = [
        Contender::new("Sidegate: held, closed loop", || pair::gateways(bench, &broker, held(Pace::Closed))),
        Contender::new("Sidegate: polled", || polled(bench, &broker)),
        Contender::new(format!("Sidegate: held, open loop of {rate}/s"), || {
            pair::gateways(bench, &broker, held(Pace::PerSecond(PER_SECOND)))
        }),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [closed, polled, open] = &all[..] else { unreachable!("as many series as contenders") };
    let p99 = Bound::Most { must: 50.0, goal: 20.0 };
    Ok(Section::new(Name::DurableNats, "A durable command over NATS between two gateways")
        .table(rounds::pair_table_without_floor(&format!("{connections} callers"), &all))
        .verdict(Verdict::per_second("operations, held", closed.per_second(), 3_000.0, 6_000.0))
        .verdict(Verdict::per_second("operations, polled", polled.per_second(), 3_000.0, 6_000.0))
        .verdict(Verdict::ms(&format!("p99 at {rate}/s"), open.p99_ms(), p99))
        .note(
            "Held: each caller waits for its outcome, and the latency is that of the whole operation. Polled: recorded \
             outcomes per second, with up to 4,000 operations open; the latency is that of the 202.",
        ))
}

/// Outcomes per second while requests are accepted as fast as outcomes are recorded.
async fn polled(bench: &Bench<'_>, broker: &Broker) -> Result<Sample> {
    let mut gateways = Gateways::start(bench, broker, "/held").await?;
    let load = bench.load(gateways.asking.data, vec![Trip::request("/work")], 202);
    let until = Until::For(bench.options.warm_up() + bench.options.window());
    let (mut warm, mut partner) = (None, Vec::new());
    let answering = &gateways.answering;
    let observe = |progress: work::Progress| {
        partner.push((progress.at, answering.usage()?));
        if progress.at >= bench.options.warm_up() {
            warm.get_or_insert(progress);
        }
        Ok(())
    };
    let done =
        work::until_ended(&mut gateways.asking, "work", &load, until, Extras::default(), observe).await?;
    gateways.stop().await?;
    let warm = warm.context("the run was too short")?;
    let used = Used::between(at(&partner, warm.at)?, at(&partner, done.accepted.at)?);
    Ok(Sample { partner: Some(used), ..outcomes(warm, &done)? })
}

/// What had been used at that moment.
fn at(seen: &[(Duration, Usage)], moment: Duration) -> Result<Usage> {
    let found = seen.iter().find(|(at, _)| *at >= moment).context("nobody looked at that moment")?;
    Ok(found.1)
}
