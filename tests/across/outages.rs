//! The broker dies or hangs under load: nothing accepted is lost, and what waited is drained in order.
//!
//! `SIDEGATE_OUTAGE_S` says for how long.

use std::time::{Duration, Instant};

use serde_json::json;
use sidegate_tests::{Broker, DEADLINE, eventually, number_from_environment};

use crate::load::Load;
use crate::world::World;

on_every_broker! {
    a_broker_that_is_killed_under_load_loses_nothing,
    a_broker_that_hangs_under_load_loses_nothing,
    a_gateway_stops_in_time_though_its_broker_hangs,
}

/// Requests a second.
const RATE: u32 = 300;
/// What waited is gone this long after the broker is back.
const DRAINED: Duration = Duration::from_secs(60);

fn outage() -> Duration {
    Duration::from_secs(number_from_environment("SIDEGATE_OUTAGE_S", 4))
}

async fn a_broker_that_is_killed_under_load_loses_nothing(broker: Broker) {
    let world = World::over(&broker.url()).await;
    let load = warm(&world).await;
    let accepted = load.accepted();
    broker.kill();
    callers_are_told_in_time(&world).await;
    // The length of the fault, not a wait.
    tokio::time::sleep(outage()).await;
    assert!(load.accepted() > accepted, "orders are accepted while the broker is away");
    broker.start_again().await;
    settle(world, load).await;
}

async fn a_broker_that_hangs_under_load_loses_nothing(broker: Broker) {
    let world = World::over(&broker.url()).await;
    let load = warm(&world).await;
    let accepted = load.accepted();
    broker.pause();
    tokio::time::sleep(outage()).await;
    assert!(load.accepted() > accepted, "orders are accepted while the broker hangs");
    broker.resume();
    settle(world, load).await;
}

async fn a_gateway_stops_in_time_though_its_broker_hangs(broker: Broker) {
    let mut world = World::over(&broker.url()).await;
    let order = json!({ "customer": "kim" });
    let _ = world.asking.client().post("/held").json(&order).await.is(200);
    broker.pause();
    let _ = world.asking.client().post("/polled").json(&order).await.is(202);
    let began = Instant::now();
    let (asking, answering) = tokio::join!(world.asking.stop(), world.answering.stop());
    broker.resume();
    assert_eq!((asking.code, answering.code), (Some(0), Some(0)), "both end as usual");
    assert!(began.elapsed() < Duration::from_secs(10), "drain (5 s) and closing take {:?}", began.elapsed());
}

/// RabbitMQ 3.10 may never find a leader for a queue that was made in the last second or so before `kill -9`: a fault of
/// the broker, which later versions do not have.
const SETTLED_IN: Duration = Duration::from_secs(4);

async fn warm(world: &World) -> Load {
    tokio::time::sleep(SETTLED_IN).await;
    let load = Load::begin(world.asking.client(), &world.service, RATE);
    let there = async || (load.executed() > 100).then_some(());
    eventually(3 * DEADLINE, "the load goes through", there).await;
    load
}

/// Without a record there is nothing to keep for later: the caller is told, and not past the route's deadline of 5 s.
async fn callers_are_told_in_time(world: &World) {
    let began = Instant::now();
    let answer = world.asking.client().post("/fast").json(&json!({ "customer": "kim" })).await;
    assert!(matches!(answer.status, 503 | 504), "no answer without a broker, but {}", answer.status);
    assert!(began.elapsed() < Duration::from_secs(7), "it took {:?}", began.elapsed());
}

async fn settle(world: World, load: Load) {
    let (verdict, took) = load.end(&world.asking.client(), 2 * DRAINED).await;
    eprintln!("{verdict}drained {:.1} s after the end of the load", took.as_secs_f64());
    assert!(verdict.is_sound(), "{verdict}");
    assert!(took < DRAINED, "what waited took {took:?}");
}
