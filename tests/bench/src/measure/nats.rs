//! Held and answered over NATS, nothing stored: HTTP → gateway → NATS → gateway → service, and back. Beside it a
//! hand-written pair that does the same, and the client library that both stand on.

use anyhow::Result;

use super::pair::{self, Trip};
use super::rounds::{self, Contender, Series};
use super::sample::{Sample, Used};
use super::{Bench, Name};
use crate::brokers::{Broker, Kind};
use crate::load::pace::Pace;
use crate::report::{self, Bound, Section, Verdict};
use crate::stats::ratio;

/// Who answers and who asks by the client library alone.
const LIBRARY: [&str; 2] = ["floor-nats-answer", "floor-nats-ask"];
/// Both processes of a pair.
const SIDES: [(&str, Side); 2] = [("asking", |sample| sample.used), ("answering", Sample::partner)];
/// A rate with room, for latencies that are not those of a queue.
const BRISK_PER_SECOND: u32 = 4_000;
/// What many services have to do at their best times.
const MODEST_PER_SECOND: u32 = 1_000;

/// What one of them used.
type Side = fn(&Sample) -> Used;

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let broker = Broker::start(Kind::Nats).await?;
    let section = Section::new(Name::Nats, "A command over NATS between two gateways, held, not durable");
    let section = at_full_load(bench, &broker, section).await?;
    let section = one_caller(bench, &broker, section).await?;
    let section = brisk(bench, &broker, section).await?;
    let section = modest(bench, &broker, section).await?;
    Ok(section.note(
        "The hand-written pair is a bare handler that asks and a bare worker that calls the service and replies: no \
         header, status, deadline or retry. The client library alone is its two processes without HTTP and without a \
         service; it answers with the request. Open loop: requests are due at an even pace, and their latency counts \
         from then.",
    ))
}

async fn at_full_load(bench: &Bench<'_>, broker: &Broker, section: Section) -> Result<Section> {
    let trip = trip(bench.options.connections, Pace::Closed);
    let contenders = [
        Contender::new("hand-written pair", || pair::hand_written(bench, broker, trip)),
        Contender::new("client library alone (no HTTP)", || {
            pair::library_alone(bench, broker, LIBRARY, trip.connections)
        }),
        Contender::new("Sidegate: two gateways", || pair::gateways(bench, broker, trip)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [pair, _, gateways] = &all[..] else { unreachable!("as many series as contenders") };
    let bound = Bound::Least { must: 0.85, goal: 1.20 };
    let mut section = section
        .table(rounds::pair_table(&format!("{} callers", trip.connections), &all))
        .verdict(Verdict::ratio("of the hand-written pair", gateways.ratio_to(pair), bound));
    for (side, used) in SIDES {
        let cpu_us = gateways.median(|sample| sample.cpu_us_per_request(used(sample)));
        section = section.verdict(Verdict::us(&format!("CPU of a request, {side}"), cpu_us, 36.0, 25.0));
    }
    Ok(section)
}

async fn one_caller(bench: &Bench<'_>, broker: &Broker, section: Section) -> Result<Section> {
    let all = contest(bench, broker, trip(1, Pace::Closed)).await?;
    let [pair, gateways] = &all[..] else { unreachable!("as many series as contenders") };
    let longer_ms = gateways.compared_to(pair, |own, pair| (own.p50_us - pair.p50_us) / 1e3);
    let bound = Bound::Most { must: 0.10, goal: 0.0 };
    Ok(section.table(rounds::pair_table("1 caller", &all)).verdict(Verdict::ms(
        "p50 of 1 caller, beyond the pair's",
        longer_ms,
        bound,
    )))
}

async fn brisk(bench: &Bench<'_>, broker: &Broker, section: Section) -> Result<Section> {
    let rate = BRISK_PER_SECOND;
    let all = contest(bench, broker, trip(bench.options.connections, Pace::PerSecond(rate))).await?;
    let [pair, gateways] = &all[..] else { unreachable!("as many series as contenders") };
    let p99 = gateways.compared_to(pair, |own, pair| ratio(own.p99_us, pair.p99_us));
    let rate = report::whole(rate.into());
    Ok(section.table(rounds::pair_table(&format!("{rate}/s, open loop"), &all)).verdict(Verdict::ratio(
        &format!("p99 at {rate}/s of the pair's"),
        p99,
        Bound::Most { must: 1.20, goal: 1.0 },
    )))
}

async fn modest(bench: &Bench<'_>, broker: &Broker, section: Section) -> Result<Section> {
    let trip = trip(bench.options.connections, Pace::PerSecond(MODEST_PER_SECOND));
    let all = contest(bench, broker, trip).await?;
    let [_, gateways] = &all[..] else { unreachable!("as many series as contenders") };
    let rate = report::whole(MODEST_PER_SECOND.into());
    let mut section = section.table(rounds::pair_table(&format!("{rate}/s, open loop"), &all));
    for (side, used) in SIDES {
        let cpu = gateways.median(|sample| sample.millicores(used(sample)));
        let rss_mib = gateways.median(|sample| used(sample).rss_mib());
        section = section
            .verdict(Verdict::millicores(&format!("CPU at {rate}/s, {side}"), cpu, 100.0, 70.0))
            .verdict(Verdict::mib(&format!("RSS at {rate}/s, {side}"), rss_mib, 30.0, 16.0));
    }
    Ok(section)
}

async fn contest(bench: &Bench<'_>, broker: &Broker, trip: Trip) -> Result<Vec<Series>> {
    let contenders = [
        Contender::new("hand-written pair", || pair::hand_written(bench, broker, trip)),
        Contender::new("Sidegate: two gateways", || pair::gateways(bench, broker, trip)),
    ];
    rounds::run(bench.options.rounds, &contenders).await
}

const fn trip(connections: u16, pace: Pace) -> Trip {
    Trip { path: "/send", connections, pace }
}
