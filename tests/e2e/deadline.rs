//! Deadlines: every wait ends, also over a restart, and nothing is executed when nobody waits for it any more.

use std::time::{Duration, Instant};

use sidegate_tests::{DEADLINE, Gateway, Reply, Service, eventually};

use crate::fixtures::{order, orders, orders_toml};

#[tokio::test]
async fn without_an_answer_the_operation_times_out_at_its_deadline() {
    let (gateway, service) = orders("timeout = \"700ms\"", "").await;
    service.on("POST /orders", Reply::hang());
    let asked = Instant::now();
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let ended = gateway.client().ends(&id).await;
    assert_eq!(ended["status"], "timed_out", "a wait ends");
    assert!(asked.elapsed() >= Duration::from_millis(700), "but not before its deadline");
    let result = gateway.client().result(&id).await.is_problem(504, "deadline_exceeded");
    assert_eq!(result.header("operation-status"), Some("timed_out"), "how it ended");
}

#[tokio::test]
async fn a_deadline_survives_a_crash() {
    let (mut gateway, service) = orders("timeout = \"3s\"", "").await;
    service.on("POST /orders", Reply::hang());
    let asked = Instant::now();
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.kill();
    gateway.restart().await;
    assert_eq!(gateway.client().ends(&id).await["status"], "timed_out", "the deadline is a row, not a timer");
    assert!(asked.elapsed() >= Duration::from_secs(3), "the deadline is the one it was accepted with");
}

#[tokio::test]
async fn a_deadline_that_passes_while_the_gateway_is_down_is_noticed_at_the_start() {
    let (mut gateway, service) = orders("timeout = \"1s\"", "").await;
    service.on("POST /orders", Reply::hang());
    let asked = Instant::now();
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.kill();
    let passed = async || (asked.elapsed() > Duration::from_millis(1100)).then_some(());
    eventually(DEADLINE, "the deadline passes", passed).await;
    gateway.restart().await;
    assert_eq!(gateway.client().ends(&id).await["status"], "timed_out", "nobody waits for ever");
}

#[tokio::test]
async fn a_message_past_its_deadline_is_not_executed() {
    let health = r#"health = { call = "GET http://service/health", every = "50ms", failures = 1 }"#;
    let service = Service::start().await;
    service.on("GET /health", Reply::status(503));
    let gateway = Gateway::beside(&service, &orders_toml("timeout = \"300ms\"", health)).await;
    let late = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(
        gateway.client().ends(&late).await["status"],
        "timed_out",
        "the service was not well until then"
    );

    service.on("GET /health", Reply::status(200));
    let next = eventually(DEADLINE, "an order in time", async || {
        let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
        Some(id).filter(|_| !service.calls_to("/orders").is_empty())
    });
    let _ = next.await;
    let calls = service.calls_to("/orders");
    let executed = |id: &str| calls.iter().any(|call| call.header("operation-id") == Some(id));
    assert!(!executed(&late), "nobody waits for it any more: it is not executed");
}

#[tokio::test]
async fn an_answer_after_the_deadline_changes_nothing() {
    let (gateway, service) = orders("timeout = \"400ms\"", "timeout = \"10s\"").await;
    service.on("POST /orders", Reply::status(201).after(Duration::from_millis(800)));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "timed_out", "the deadline came first");
    eventually(DEADLINE, "the late answer", async || (service.open_calls() == 0).then_some(())).await;
    assert_eq!(gateway.client().operation(&id).await["status"], "timed_out", "one outcome, the first");
}

#[tokio::test]
async fn the_deadline_is_in_the_document() {
    let (gateway, service) = orders("timeout = \"1h\"", "").await;
    service.on("POST /orders", Reply::hang());
    let accepted = gateway.client().post("/orders").json(&order()).await.is(202).json();
    let (created, deadline) = (accepted["created_at"].as_str(), accepted["deadline"].as_str());
    let after_the_hour = |time: &str| time[13..].to_owned();
    assert_eq!(
        created.map(after_the_hour),
        deadline.map(after_the_hour),
        "an hour later, to the millisecond"
    );
    assert_ne!(created, deadline, "and not the same hour");
}

#[tokio::test]
async fn a_retry_that_comes_after_the_deadline_times_out_and_does_not_fail() {
    let retry = r#"retry = { attempts = 1000, first = "20ms", factor = 1.0, max = "20ms", jitter = 0.0 }"#;
    let (gateway, service) = orders("timeout = \"400ms\"", retry).await;
    service.on("POST /orders", Reply::status(500));
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(gateway.client().post("/orders").json(&order()).await.is(202).id());
    }
    for id in &ids {
        let ended = gateway.client().ends(id).await;
        assert_eq!(
            ended["status"], "timed_out",
            "whoever notices first, the deadline is the deadline: {ended}"
        );
        let _ = gateway.client().result(id).await.is_problem(504, "deadline_exceeded");
    }
}
