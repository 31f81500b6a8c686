//! Held and answered over Kafka, one caller at a time: what a round trip through two topics takes. Beside it the client
//! library alone, which shows how much of that is Kafka's.

use anyhow::Result;

use super::pair::{self, Trip};
use super::rounds::{self, Contender};
use super::{Bench, Name};
use crate::brokers::{Broker, Kind};
use crate::load::pace::Pace;
use crate::report::{Bound, Section, Verdict};

/// Who answers and who asks by the client library alone.
const LIBRARY: [&str; 2] = ["floor-kafka-answer", "floor-kafka-ask"];

pub(super) async fn measure(bench: &Bench<'_>) -> Result<Section> {
    let broker = Broker::start(Kind::Kafka).await?;
    let trip = |path| Trip { path, connections: 1, pace: Pace::Closed };
    let contenders = [
        Contender::new("client library alone (no HTTP)", || pair::library_alone(bench, &broker, LIBRARY, 1)),
        Contender::new("Sidegate: two gateways", || pair::gateways(bench, &broker, trip("/send"))),
        Contender::new("Sidegate: two gateways, durable", || pair::gateways(bench, &broker, trip("/held"))),
    ];
    let all = rounds::run(bench.options.rounds, &contenders).await?;
    let p50_ms = all[1].median(|sample| sample.p50_us) / 1e3;
    Ok(Section::new(Name::Kafka, "A command over Kafka between two gateways, held")
        .table(rounds::pair_table("1 caller", &all))
        .verdict(Verdict::ms("p50", p50_ms, Bound::Most { must: 8.0, goal: 4.0 }))
        .note(
            "The client library alone is two processes that send (`acks=all`, idempotent, no linger) and receive one \
             request and its reply at a time, without HTTP and without a service.",
        ))
}
