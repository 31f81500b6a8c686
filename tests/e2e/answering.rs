//! Answering: what a consumer makes of the service's answers, and when it tries again.

use std::time::Duration;

use serde_json::json;
use sidegate_tests::Reply;

use crate::fixtures::{QUICK_RETRY, order, order_of, orders};

#[tokio::test]
async fn what_is_not_known_is_tried_again_with_the_same_key() {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    service.on_each("POST /orders", [Reply::status(500), Reply::closed(), Reply::status(201)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let ended = gateway.client().ends(&id).await;
    assert_eq!(ended["outcome"]["status"], 201, "the third attempt did it");

    let calls = service.calls_to("/orders");
    assert_eq!(calls.len(), 3, "500 and a cut connection are unknown, so they are tried again");
    assert!(
        calls.iter().all(|call| call.key() == calls[0].key()),
        "the same Idempotency-Key on every attempt"
    );
    assert!(calls.iter().all(|call| call.json() == order()), "and the same body");
}

#[tokio::test]
async fn a_broken_answer_is_no_answer() {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    service.on_each("POST /orders", [Reply::cut_mid_body(), Reply::status(201).body("whole")]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    assert_eq!(gateway.client().result(&id).await.is(201).text(), "whole", "half a body is never a result");
}

#[tokio::test]
async fn attempts_back_off() {
    let retry = r#"retry = { attempts = 3, first = "200ms", factor = 3.0, jitter = 0.0 }"#;
    let (gateway, service) = orders("", retry).await;
    service.on("POST /orders", Reply::status(500));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    let calls = service.calls_to("/orders");
    let pauses: Vec<_> = calls.windows(2).map(|pair| pair[1].began - pair[0].began).collect();
    assert_eq!(pauses.len(), 2, "three attempts in all");
    assert!(pauses[0] >= Duration::from_millis(200), "the first pause is as long as it says: {pauses:?}");
    assert!(pauses[1] >= Duration::from_millis(600), "the second is three times as long: {pauses:?}");
}

#[tokio::test]
async fn a_retry_after_of_the_service_is_honoured() {
    for status in [425, 429, 503] {
        let (gateway, service) = orders("", QUICK_RETRY).await;
        service
            .on_each("POST /orders", [Reply::status(status).header("retry-after", "1"), Reply::status(201)]);
        let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
        gateway.client().ends(&id).await;
        let calls = service.calls_to("/orders");
        let pause = calls[1].began - calls[0].began;
        assert!(pause >= Duration::from_secs(1), "{status} asked for a second, and got {pause:?}");
    }
}

#[tokio::test]
async fn a_definite_no_is_not_tried_again() {
    for status in [400, 401, 403, 404, 405, 409, 410, 422] {
        let (gateway, service) = orders("", QUICK_RETRY).await;
        service.on("POST /orders", Reply::status(status));
        let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
        assert_eq!(
            gateway.client().ends(&id).await["status"],
            "failed",
            "{status} is the service's definite no"
        );
        assert_eq!(gateway.client().result(&id).await.status, status, "and the result");
        assert_eq!(service.calls().len(), 1, "{status} is not tried again");
        assert_eq!(gateway.admin().get("/parked").await.json()["items"], json!([]), "nor set aside");
    }
}

#[tokio::test]
async fn fail_on_says_what_a_definite_no_is() {
    let (gateway, service) = orders("", &format!("fail_on = [418]\n{QUICK_RETRY}")).await;
    service.on_each("POST /orders", [Reply::status(404), Reply::status(418)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    let _ = gateway.client().result(&id).await.is(418);
    assert_eq!(service.calls().len(), 2, "404 is not in this list and was tried again");
}

#[tokio::test]
async fn when_attempts_ran_out_the_operation_fails_with_the_last_answer_inside() {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    service.on("POST /orders", Reply::status(500).body("out of paper"));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "failed", "the policy is to fail");
    let result = gateway.client().result(&id).await.is(502);
    assert_eq!(result.code(), "attempts_exhausted", "and says why");
    assert!(result.text().contains("out of paper"), "with what the service said last: {}", result.text());
    assert_eq!(service.calls().len(), 3, "as many attempts as configured");
    let parked = gateway.admin().get("/parked").await.is(200).json();
    assert_eq!(parked["items"].as_array().map(Vec::len), Some(1), "the message is set aside for an operator");
}

#[tokio::test]
async fn when_attempts_ran_out_an_operation_may_stay_open_for_an_operator() {
    let (gateway, service) = orders("", &format!("exhausted = \"park\"\n{QUICK_RETRY}")).await;
    service.on("POST /orders", Reply::status(500));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let parked = gateway.client().becomes(&id, "parked").await;
    assert_eq!(parked["outcome"], json!(null), "it has not ended");
    let _ = gateway.client().result(&id).await.is(202);
}

#[tokio::test]
async fn a_parked_operation_ends_at_its_deadline() {
    let consumer = format!("exhausted = \"park\"\n{QUICK_RETRY}");
    let (gateway, service) = orders("timeout = \"4s\"", &consumer).await;
    service.on("POST /orders", Reply::status(500));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().becomes(&id, "parked").await;
    assert_eq!(gateway.client().ends(&id).await["status"], "timed_out", "every wait ends");
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_tried_again() {
    let (gateway, service) = orders("", &format!("timeout = \"300ms\"\n{QUICK_RETRY}")).await;
    service.on_each("POST /orders", [Reply::hang(), Reply::status(201)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "the second attempt was in time");
    assert_eq!(service.calls().len(), 2, "the first was given up after the consumer's timeout");
}

#[tokio::test]
async fn a_service_that_is_down_is_tried_until_it_is_there() {
    let retry = r#"retry = { attempts = 100, first = "20ms", factor = 1.0, jitter = 0.0 }"#;
    let (gateway, mut service) = orders("", retry).await;
    service.stop().await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().becomes(&id, "sent").await;
    service.start_again().await;
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "the message waited for its service");
}

#[tokio::test]
async fn a_message_that_was_being_executed_at_a_crash_is_executed_again_under_its_key() {
    let (mut gateway, service) = orders("", QUICK_RETRY).await;
    service.on_each("POST /orders", [Reply::hang(), Reply::status(201)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    gateway.kill();
    gateway.restart().await;
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "nothing accepted is lost");
    let calls = service.called("/orders", 2).await;
    assert_eq!(calls[0].key(), calls[1].key(), "the service can tell that it is the same");
}

#[tokio::test]
async fn what_was_answered_before_a_crash_is_not_executed_again() {
    let (mut gateway, service) = orders("", QUICK_RETRY).await;
    let mut accepted = Vec::new();
    for number in 0..8 {
        accepted.push(gateway.client().post("/orders").json(&order_of("kim", number)).await.is(202).id());
    }
    for id in &accepted {
        gateway.client().ends(id).await;
    }
    gateway.kill();
    gateway.restart().await;
    let next = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&next).await;
    assert_eq!(service.calls().len(), accepted.len() + 1, "what ended is over, also for the broker");
}
