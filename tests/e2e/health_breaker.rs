//! When a consumer takes no messages: its service is not well, or its calls fail in a row.

use std::time::{Duration, Instant};

use sidegate_tests::{DEADLINE, Gateway, Reply, Service, eventually};

use crate::fixtures::{order, orders, orders_toml};

const HEALTH: &str = r#"health = { call = "GET http://service/health", every = "50ms", failures = 2 }"#;

#[tokio::test]
async fn an_unwell_service_is_left_alone_until_it_is_well() {
    let service = Service::start().await;
    service.on("GET /health", Reply::status(503));
    let gateway = Gateway::beside(&service, &orders_toml("", HEALTH)).await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/health", 5).await;
    assert_eq!(service.calls_to("/orders").len(), 0, "no message is taken while it is unwell");
    assert_eq!(gateway.client().operation(&id).await["attempts"], 0, "and no attempt is wasted");

    service.on("GET /health", Reply::status(204));
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "it waited at the broker");
}

#[tokio::test]
async fn one_bad_check_is_not_unwell_yet() {
    let service = Service::start().await;
    let checks = [Reply::status(200), Reply::status(503), Reply::status(200)];
    service.on_each("GET /health", checks);
    let gateway = Gateway::beside(&service, &orders_toml("reply = \"wait\"", HEALTH)).await;
    service.called("/health", 4).await;
    let _ = gateway.client().post("/orders").json(&order()).await.is(200);
    assert!(!gateway.log_text().contains("not well"), "two failures in a row are needed, and never were");
}

#[tokio::test]
async fn failures_in_a_row_open_the_breaker_for_its_pause() {
    let consumer = "concurrency = 1\nbreaker = { failures = 3, pause = \"1s\" }\n\
                    retry = { attempts = 10, first = \"1ms\", factor = 1.0, jitter = 0.0 }";
    let (gateway, service) = orders("", consumer).await;
    let failure = Reply::status(500);
    service.on_each("POST /orders", [failure.clone(), failure.clone(), failure, Reply::status(201)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "after the pause it goes on");
    let calls = service.calls_to("/orders");
    let pause = calls[3].began - calls[2].began;
    assert!(
        pause >= Duration::from_millis(900),
        "the service was left alone for its pause, not for {pause:?}"
    );
    gateway.logs("breaker").await;
}

#[tokio::test]
async fn a_definite_no_is_no_failure_of_the_service() {
    let (gateway, service) = orders("", "breaker = { failures = 2, pause = \"1h\" }").await;
    service.on("POST /orders", Reply::status(409));
    for _ in 0..6 {
        let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
        gateway.client().ends(&id).await;
    }
    assert_eq!(service.calls().len(), 6, "a service that says no is well");
}

#[tokio::test]
async fn an_open_breaker_and_an_unwell_service_show_in_the_metrics() {
    let service = Service::start().await;
    service.on("GET /health", Reply::status(503));
    let gateway = Gateway::beside(&service, &orders_toml("", HEALTH)).await;
    let open = async |value: &str| {
        let metrics = gateway.admin().get("/metrics").await.is(200).text();
        let line = format!("sidegate_consumer_open{{consumer=\"create-order\"}} {value}");
        metrics.contains(&line).then_some(())
    };
    eventually(DEADLINE, "the consumer shows as closed", async || open("0").await).await;
    service.on("GET /health", Reply::status(200));
    eventually(DEADLINE, "the consumer shows as open", async || open("1").await).await;
}

#[tokio::test]
async fn requests_are_accepted_while_the_service_is_unwell() {
    let service = Service::start().await;
    service.on("GET /health", Reply::status(503));
    let gateway = Gateway::beside(&service, &orders_toml("", HEALTH)).await;
    let asked = Instant::now();
    for _ in 0..20 {
        let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    }
    assert!(asked.elapsed() < DEADLINE, "a dead service is no reason to refuse what can be stored");
    let _ = gateway.admin().get("/ready").await.is(200);
    service.on("GET /health", Reply::status(200));
    service.called("/orders", 20).await;
}
