//! Durable acceptance over real brokers, sustained: what was accepted counts when the broker has it too. Beside it a
//! hand-written accept that answers when the broker has confirmed, and stores nothing itself.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::pair::{BODY_BYTES, Trip};
use super::rounds::{self, Contender};
use super::sample::Sample;
use super::{Bench, Name};
use crate::brokers::{Broker, Kind, Missing};
use crate::gateway::{Gateway, config};
use crate::load::Until;
use crate::report::{self, Bound, Section, Verdict};

/// How often the gateway is asked how much is on its way.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Without any progress for so long, it will not come to an end.
const STALLED: Duration = Duration::from_secs(60);
const KINDS: [Kind; 3] = [Kind::Nats, Kind::RabbitMq, Kind::Kafka];

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let mut section = Section::new(Name::BrokerAccept, "Durable accept, sustained until it is at the broker");
    let mut missing = Vec::new();
    for kind in KINDS {
        match contest(bench, kind, section.clone()).await {
            Ok(more) => section = more,
            Err(error) if error.is::<Missing>() && !bench.options.require_brokers => {
                missing.push((kind, error));
            }
            Err(error) => return Err(error.context(kind)),
        }
    }
    if missing.len() == KINDS.len() {
        bail!(missing.swap_remove(0).1);
    }
    for (kind, error) in &missing {
        report::progress(&format!("SKIPPED {kind}: {error:#}"));
        section = section.note(&format!("{kind} was not installed and is left out."));
    }
    Ok(section.note(&format!(
        "Nobody receives the messages. Sidegate's rate counts what was accepted, over the time until the last of it \
         was at the broker; its latencies are those of the 202. The hand-written accept answers when the broker has \
         confirmed. Both send bodies of {BODY_BYTES} B to a stream on disk, a quorum queue, or six partitions with \
         `acks=all`, each on a single server."
    )))
}

async fn contest(bench: &Bench<'_>, kind: Kind, section: Section) -> Result<Section> {
    let broker = Broker::start(kind).await?;
    let contenders = [
        Contender::new("hand-written accept", || hand_written(bench, &broker, kind)),
        Contender::new("Sidegate: durable accept", || gateway(bench, &broker)),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let [floor, gateway] = &all[..] else { unreachable!("as many series as contenders") };
    let bound = Bound::Least { must: 0.40, goal: 0.80 };
    let what = format!("of the hand-written accept, {kind}");
    Ok(section.table(rounds::table_of(&kind.to_string(), &all)).verdict(Verdict::ratio(
        &what,
        gateway.ratio_to(floor),
        bound,
    )))
}

async fn hand_written(bench: &Bench<'_>, broker: &Broker, kind: Kind) -> Result<Sample> {
    let name = match kind {
        Kind::Nats => "floor-nats-accept",
        Kind::RabbitMq => "floor-rabbitmq-accept",
        Kind::Kafka => "floor-kafka-accept",
    };
    let place = bench.new_place(broker);
    let floor = bench.floor_of(name, place.arguments()).await?;
    let sample = floor.sample(bench, Trip::request("/orders"), 202).await?;
    broker.forget(&place.destination).await?;
    Ok(sample)
}

async fn gateway(bench: &Bench<'_>, broker: &Broker) -> Result<Sample> {
    let (folder, place) = (bench.new_folder()?, bench.new_place(broker));
    let mut gateway = bench.gateway_of(folder.path(), &config::accepting(&place)).await?;
    let sample = sustained(bench, &mut gateway).await?;
    gateway.stop().await?;
    broker.forget(&place.destination).await?;
    Ok(sample)
}

/// What was accepted, over the time until all of it was at the broker.
async fn sustained(bench: &Bench<'_>, gateway: &mut Gateway) -> Result<Sample> {
    let load = bench.load(gateway.data, vec![Trip::request("/orders")], 202);
    load.run(Until::For(bench.options.warm_up())).await?;
    until_published(gateway).await?;
    let (published, before) = (gateway.admin.published().await?, gateway.usage()?);
    let started = Instant::now();
    let measured = load.run(Until::For(bench.options.window())).await?;
    until_published(gateway).await?;
    let (elapsed, after) = (started.elapsed(), gateway.usage()?);
    let published = gateway.admin.published().await? - published;
    let accepted = measured.latency.count();
    ensure!(published >= accepted, "{accepted} were accepted, but the broker took only {published}");
    Ok(Sample::new(&measured.latency, elapsed, before, after))
}

async fn until_published(gateway: &mut Gateway) -> Result<()> {
    let mut last_change = (Instant::now(), u64::MAX);
    loop {
        let pending = gateway.admin.pending().await?;
        if pending == 0 {
            return Ok(());
        }
        if pending != last_change.1 {
            last_change = (Instant::now(), pending);
        }
        if last_change.0.elapsed() > STALLED {
            bail!("{pending} messages do not get to the broker:\n{}", gateway.log());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
