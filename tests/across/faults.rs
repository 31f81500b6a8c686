//! A bad network between gateway and broker: confirms that get lost, connections that are cut.
//!
//! `SIDEGATE_CUTS` says how often connections are cut.

use std::time::Duration;

use sidegate_fault_proxy::Proxy;
use sidegate_tests::{Broker, DEADLINE, Gateway, eventually, number_from_environment};

use crate::load::Load;
use crate::world::World;

on_every_broker! {
    confirms_that_get_lost_lose_no_message_and_make_no_second_outcome,
    connections_that_are_cut_again_and_again_leave_nothing_behind,
}

/// Between two cuts.
const CUT_EVERY: Duration = Duration::from_secs(2);

async fn confirms_that_get_lost_lose_no_message_and_make_no_second_outcome(broker: Broker) {
    let losses_min = usize::try_from(number_from_environment("SIDEGATE_LOSSES", 10)).expect("a small number");
    let Some((broker, proxy)) = behind_a_proxy(broker).await else { return };
    let world = World::over(&broker.url()).await;
    let load = Load::begin(world.asking.client(), &world.service, 100);
    let warm = async || (load.executed() > 100).then_some(());
    eventually(3 * DEADLINE, "the load goes through", warm).await;
    // One answer in twenty never arrives, and the connection goes with it: whoever published does not know.
    proxy.lose_answers(0.05);
    let lost = async || (proxy.answers_lost() >= losses_min).then_some(());
    eventually(10 * DEADLINE, "answers get lost", lost).await;
    proxy.lose_answers(0.0);
    let (verdict, _) = load.end(&world.asking.client(), Duration::from_secs(120)).await;
    eprintln!("{} answers of the broker were lost: {verdict}", proxy.answers_lost());
    assert!(verdict.is_sound(), "{verdict}");
}

async fn connections_that_are_cut_again_and_again_leave_nothing_behind(broker: Broker) {
    let cuts = number_from_environment("SIDEGATE_CUTS", 3);
    let Some((broker, proxy)) = behind_a_proxy(broker).await else { return };
    let world = World::over(&broker.url()).await;
    let load = Load::begin(world.asking.client(), &world.service, 100);
    let warm = async || (load.executed() > 300).then_some(());
    eventually(3 * DEADLINE, "the load goes through", warm).await;
    let footprints = || [&world.asking, &world.answering].map(footprint);
    let mut before = footprints();
    for cut in 0..cuts {
        // The first tenth fills the caches of the store and the client library, as any load does.
        if cut == cuts / 10 {
            before = footprints();
        }
        proxy.cut().await;
        tokio::time::sleep(CUT_EVERY).await;
    }
    let (verdict, _) = load.end(&world.asking.client(), Duration::from_secs(60)).await;
    assert!(verdict.is_sound(), "{verdict}");
    for (gateway, before) in [&world.asking, &world.answering].into_iter().zip(before) {
        let back = async || {
            let now = footprint(gateway);
            (now.descriptors <= before.descriptors + 4).then_some(now)
        };
        let now = eventually(DEADLINE, "file descriptors are where they were", back).await;
        eprintln!("{cuts} cuts: {before:?} before, {now:?} after");
        let allowed = before.resident_bytes * 5 / 4 + (8 << 20);
        assert!(now.resident_bytes < allowed, "memory grew from {before:?} to {now:?}");
    }
}

#[derive(Debug, Clone, Copy)]
struct Footprint {
    descriptors: usize,
    resident_bytes: u64,
}

fn footprint(gateway: &Gateway) -> Footprint {
    Footprint { descriptors: gateway.open_files(), resident_bytes: gateway.resident_bytes() }
}

/// The same broker, reached through a proxy.
async fn behind_a_proxy(broker: Broker) -> Option<(Broker, Proxy)> {
    let kind = broker.kind();
    drop(broker);
    let (broker, proxy) = Broker::start_behind_a_proxy(kind).await.ok()?;
    Some((broker, proxy))
}
