//! `kill -9` of either gateway at random moments under load, over a real broker. `SIDEGATE_CRASHES` says how often.

use std::time::Duration;

use sidegate_tests::{Broker, DEADLINE, eventually, number_from_environment};

use crate::load::Load;
use crate::world::World;

on_every_broker! {
    whatever_was_accepted_reaches_one_outcome_however_often_the_gateways_are_killed,
}

async fn whatever_was_accepted_reaches_one_outcome_however_often_the_gateways_are_killed(broker: Broker) {
    let crashes = number_from_environment("SIDEGATE_CRASHES", 6);
    let mut world = World::over(&broker.url()).await;
    let load = Load::begin(world.asking.client(), &world.service, 200);
    for crash in 0..crashes {
        let until = load.executed() + fastrand::usize(1..60);
        let busy = async || (load.executed() >= until).then_some(());
        eventually(3 * DEADLINE, "the load goes on", busy).await;
        // The moment of the fault, not a wait.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..15_000))).await;
        let victim = if crash % 2 == 0 { &mut world.answering } else { &mut world.asking };
        victim.kill();
        victim.restart().await;
    }
    let (verdict, _) = load.end(&world.asking.client(), Duration::from_secs(120)).await;
    eprintln!("{crashes} crashes: {verdict}");
    assert!(verdict.is_sound(), "{verdict}");
    assert!(
        verdict.accepted > usize::try_from(crashes).expect("a small number"),
        "the load was there: {verdict}"
    );
}
