//! The bounds of the gateway as clients and operators see them: a clear refusal, and room again afterwards.

use std::time::{Duration, Instant};

use sidegate_tests::{DEADLINE, Gate, Reply, eventually};

use crate::fixtures::{order, orders_setup};

#[tokio::test]
async fn a_gateway_that_can_accept_nothing_more_is_not_ready() {
    let toml = r#"
        [[route]]
        http = "POST /reports"
        call = "POST http://service/reports"
        reply = "poll"
    "#;
    let (service, gate) = (sidegate_tests::Service::start().await, Gate::shut());
    service.on("POST /reports", Reply::status(200).behind(&gate));
    let gateway = sidegate_tests::Setup::new(toml).beside(&service).store("pending = 3").start().await;
    for _ in 0..3 {
        let _ = gateway.client().post("/reports").await.is(202);
    }
    let _ = gateway.client().post("/reports").await.is_problem(503, "pending_full");
    let ready = gateway.admin().get("/ready").await.is(503).json();
    assert!(ready["reasons"].to_string().contains("as many requests"), "it says why: {ready}");
    gate.open();
    let is_ready = async || (gateway.admin().get("/ready").await.status == 200).then_some(());
    eventually(DEADLINE, "there is room again", is_ready).await;
}

#[tokio::test]
async fn one_stream_or_long_poll_more_than_may_be_open_is_told_to_come_later() {
    let (setup, service) = orders_setup("", "").await;
    service.on("POST /orders", Reply::hang());
    let gateway = setup.limit("streams = 2").start().await;
    let client = gateway.client();
    let id = client.post("/orders").json(&order()).await.is(202).id();
    client.becomes(&id, "sent").await;
    let path = format!("/operations/{id}");
    let mut events = client.events(&id).await;
    let _ = events.next().await;
    // The question below may be there first for a moment.
    let (asking, place) = (client.clone(), path.clone());
    let poll = tokio::spawn(async move { while asking.get(&place).prefer("wait=60").await.status == 503 {} });
    let refused = async || {
        let answer = client.get(&path).prefer("wait=0").await;
        (answer.status == 503).then_some(answer)
    };
    let refused = eventually(DEADLINE, "both places are taken", refused).await;
    let refused = refused.is_problem(503, "too_many_held");
    assert!(refused.header("retry-after").is_some(), "it says when to come again");
    let _ = client.get(&format!("{path}/events")).await.is_problem(503, "too_many_held");
    assert_eq!(client.operation(&id).await["status"], "sent", "a plain question needs no place");

    drop(events);
    let answered = async || (client.get(&path).prefer("wait=0").await.status == 200).then_some(());
    eventually(DEADLINE, "a stream that is closed gives its place back", answered).await;
    poll.abort();
}

#[tokio::test]
async fn nobody_waits_longer_than_the_gateway_lets_them() {
    let (setup, service) = orders_setup("", "").await;
    service.on("POST /orders", Reply::hang());
    let gateway = setup.limit("wait = \"1s\"").start().await;
    let asked = Instant::now();
    let held = gateway.client().post("/orders").json(&order()).prefer("wait=30").await.is(202);
    let _ = gateway.client().get(&format!("/operations/{}", held.id())).prefer("wait=30").await.is(200);
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(2), "each waited for as long as may be: {waited:?}");
    assert!(waited < Duration::from_secs(25), "and not for as long as it asked: {waited:?}");
}
