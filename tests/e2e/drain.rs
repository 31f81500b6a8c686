//! Stopping: who is held gets an answer, who is served is served, and the exit is clean.

use sidegate_tests::{DEADLINE, Exit, Gate, Reply, eventually};

use crate::fixtures::{order, orders, orders_setup};

const WAIT: &str = "reply = \"wait\"\ndurable = true";

#[tokio::test]
async fn a_caller_held_at_the_stop_gets_its_202() {
    let (mut gateway, service) = orders(WAIT, "").await;
    service.on_each("POST /orders", [Reply::hang(), Reply::status(201)]);
    let held = tokio::spawn(gateway.client().post("/orders").json(&order()).into_future());
    service.called("/orders", 1).await;
    gateway.terminate();
    let accepted = held.await.expect("an answer, not a cut connection").is(202);
    let exit = gateway.ended(DEADLINE).await;
    assert_eq!(exit, Exit { code: Some(0) }, "a drain that ends is a clean exit");

    gateway.restart().await;
    assert_eq!(
        gateway.client().ends(&accepted.id()).await["status"],
        "succeeded",
        "and its operation goes on"
    );
}

#[tokio::test]
async fn a_call_under_way_is_finished_before_the_exit() {
    let (mut gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).body("done").behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    gateway.terminate();
    gateway.logs("stopping").await;
    gate.open();
    assert_eq!(gateway.ended(DEADLINE).await, Exit { code: Some(0) }, "a clean exit");

    gateway.restart().await;
    gateway.client().ends(&id).await;
    assert_eq!(gateway.client().result(&id).await.is(201).text(), "done", "its answer was recorded");
    assert_eq!(service.calls().len(), 1, "and it was not executed again");
}

#[tokio::test]
async fn a_service_that_never_answers_does_not_hold_up_the_exit_for_ever() {
    let (setup, service) = orders_setup("", "timeout = \"1h\"").await;
    let mut gateway = setup.gateway("drain = \"500ms\"").start().await;
    service.on("POST /orders", Reply::hang());
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    service.called("/orders", 1).await;
    let exit = gateway.stop().await;
    assert!(exit.code.is_some(), "it ended by itself after its drain: {exit:?}");
}

#[tokio::test]
async fn an_event_stream_and_a_long_poll_end_with_the_gateway() {
    let (mut gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().becomes(&id, "sent").await;
    let mut events = gateway.client().events(&id).await;
    let _ = events.next().await;
    let poll = gateway.client().get(&format!("/operations/{id}")).prefer("wait=60");
    let poll = tokio::spawn(poll.into_future());
    service.called("/orders", 1).await;
    gateway.terminate();
    events.rest().await;
    // The poll may have come after the stop began; then it is refused, but never left hanging.
    if let Ok(answer) = poll.await {
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
    }
    assert!(gateway.ended(DEADLINE).await.code.is_some(), "nobody who listens holds up the exit");
}

#[tokio::test]
async fn after_the_stop_nobody_is_taken_any_more() {
    let (mut gateway, _service) = orders("", "").await;
    let client = gateway.client();
    assert_eq!(gateway.stop().await, Exit { code: Some(0) }, "an idle gateway stops at once");
    let refused = client.post("/orders").json(&order()).tried().await;
    assert!(refused.is_err(), "the port is closed");
}

#[tokio::test]
async fn readiness_goes_with_the_stop() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    service.called("/orders", 1).await;
    gateway.terminate();
    eventually(DEADLINE, "`/ready` says no", async || {
        let answer = gateway.admin().get("/ready").tried().await;
        answer.map_or(true, |answer| answer.status == 503).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let (setup, service) = orders_setup("", "timeout = \"1h\"").await;
    let mut gateway = setup.gateway("drain = \"1h\"").start().await;
    service.on("POST /orders", Reply::hang());
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    service.called("/orders", 1).await;
    gateway.terminate();
    gateway.logs("stopping").await;
    gateway.terminate();
    gateway.logs("stopped at a second signal").await;
    assert_eq!(gateway.ended(DEADLINE).await, Exit { code: Some(0) }, "who asks twice does not want to wait");
}
