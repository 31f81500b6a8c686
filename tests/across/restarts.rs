//! Requests and replies survive the restart of the broker, of either gateway, and of both.

use std::time::Duration;

use serde_json::json;
use sidegate_tests::{Broker, DEADLINE, Gate, Reply, eventually};

use crate::load::Load;
use crate::world::World;

on_every_broker! {
    what_is_asked_is_answered,
    what_was_accepted_is_answered_over_every_restart,
    an_answer_finds_its_asker_after_a_restart,
    a_gateway_starts_with_its_broker_down_and_keeps_what_it_accepts,
}

async fn what_is_asked_is_answered(broker: Broker) {
    let world = World::over(&broker.url()).await;
    world.service.on("POST /orders", Reply::status(201).body("made"));
    let order = json!({ "customer": "kim" });
    for path in ["/held", "/fast"] {
        let answer = world.asking.client().post(path).json(&order).await.is(201);
        assert_eq!(answer.text(), "made", "the service's own answer comes back at {path}");
    }
    let id = world.asking.client().post("/polled").json(&order).await.is(202).id();
    let result = world.asking.client().get(&format!("/operations/{id}/result")).prefer("wait=20").await;
    assert_eq!(result.is(201).text(), "made", "and can be asked for");
    let calls = world.service.called("/orders", 3).await;
    assert_eq!(calls.len(), 3, "each was executed once");
    let _ = world.asking.client().post("/told").json(&order).await.is(202);
    world.service.called("/heard", 1).await;
}

async fn what_was_accepted_is_answered_over_every_restart(broker: Broker) {
    let mut world = World::over(&broker.url()).await;
    let load = Load::begin(world.asking.client(), &world.service, 100);
    let progress = async |more: usize| {
        let until = load.executed() + more;
        let there = async || (load.executed() >= until).then_some(());
        eventually(3 * DEADLINE, "orders are executed", there).await;
    };
    progress(50).await;
    world.answering.kill();
    world.answering.restart().await;
    progress(50).await;
    world.asking.kill();
    world.asking.restart().await;
    progress(50).await;
    broker.restart().await;
    progress(50).await;
    world.asking.kill();
    world.answering.kill();
    broker.kill();
    broker.start_again().await;
    world.answering.restart().await;
    world.asking.restart().await;
    progress(50).await;
    let (verdict, _) = load.end(&world.asking.client(), Duration::from_secs(60)).await;
    assert!(verdict.is_sound(), "{verdict}");
}

async fn an_answer_finds_its_asker_after_a_restart(broker: Broker) {
    let mut world = World::over(&broker.url()).await;
    let gate = Gate::shut();
    world.service.on("POST /orders", Reply::status(201).body("late").behind(&gate));
    let order = json!({ "customer": "kim" });
    let id = world.asking.client().post("/polled").json(&order).await.is(202).id();
    world.service.called("/orders", 1).await;
    world.asking.kill();
    gate.open();
    let answered = async || (world.service.open_calls() == 0).then_some(());
    eventually(DEADLINE, "the service has answered while its asker is away", answered).await;
    world.asking.restart().await;
    let result = world.asking.client().get(&format!("/operations/{id}/result")).prefer("wait=20").await;
    assert_eq!(result.is(201).text(), "late", "the answer waited for its asker");
    assert_eq!(world.service.calls_to("/orders").len(), 1, "nobody executed it again");
}

async fn a_gateway_starts_with_its_broker_down_and_keeps_what_it_accepts(broker: Broker) {
    let url = broker.url();
    broker.kill();
    let mut world = World::over(&url).await;
    world.service.on("POST /orders", Reply::status(201));
    let client = world.asking.client();
    let mut ids = Vec::new();
    for number in 0..20 {
        let order = json!({ "customer": "kim", "number": number });
        ids.push(client.post("/polled").json(&order).await.is(202).id());
    }
    let degraded = async || {
        let ready = world.asking.admin().get("/ready").await.is(200).json();
        assert_eq!(ready["ready"], true, "requests can be stored, so they can be taken: {ready}");
        ready["degraded"].to_string().contains("main").then_some(())
    };
    eventually(DEADLINE, "what is not well is told", degraded).await;
    broker.start_again().await;
    for id in ids {
        let result = client.get(&format!("/operations/{id}/result")).prefer("wait=30").await;
        let _ = result.is(201);
    }
    let numbers: Vec<_> =
        world.service.calls_to("/orders").iter().map(|call| call.json()["number"].clone()).collect();
    assert_eq!(numbers, (0..20).map(|number| json!(number)).collect::<Vec<_>>(), "in the order of their key");
    assert_eq!(world.asking.stop().await.code, Some(0), "it ends as usual");
}
