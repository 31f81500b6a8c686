//! Cancelling: an outcome like the others, recorded once.

use serde_json::json;
use sidegate_tests::{Gate, Reply};

use crate::fixtures::{order, orders};

#[tokio::test]
async fn a_running_operation_can_be_cancelled_and_again() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let path = format!("/operations/{id}");
    let cancelled = gateway.client().delete(&path).await.is(200);
    assert_eq!(cancelled.json()["status"], "cancelled", "the operation as it is now");
    let again = gateway.client().delete(&path).await.is(200);
    assert_eq!(again.json(), cancelled.json(), "a repeat changes nothing");

    let result = gateway.client().result(&id).await.is_problem(410, "operation_cancelled");
    assert_eq!(result.header("operation-status"), Some("cancelled"), "how it ended");
}

#[tokio::test]
async fn what_ended_otherwise_cannot_be_cancelled() {
    let (gateway, _service) = orders("", "").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    let refused =
        gateway.client().delete(&format!("/operations/{id}")).await.is_problem(409, "operation_ended");
    assert_eq!(refused.json()["operation_id"], json!(id), "it says which");
    assert_eq!(gateway.client().operation(&id).await["status"], "succeeded", "the outcome stands");
}

#[tokio::test]
async fn an_answer_after_the_cancel_changes_nothing() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    let _ = gateway.client().delete(&format!("/operations/{id}")).await.is(200);
    gate.open();
    // The next operation of the same consumer shows that the late answer has been dealt with.
    let next = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&next).await;
    assert_eq!(gateway.client().operation(&id).await["status"], "cancelled", "one outcome, the first");
    let _ = gateway.client().result(&id).await.is(410);
}

#[tokio::test]
async fn a_held_caller_learns_that_it_was_cancelled() {
    let (gateway, service) = orders("reply = \"wait\"\ndurable = true", "").await;
    service.on("POST /orders", Reply::hang());
    let held = tokio::spawn(gateway.client().post("/orders").json(&order()).into_future());
    let call = service.called("/orders", 1).await.remove(0);
    let id = call.header("operation-id").expect("the call names its operation");
    let _ = gateway.client().delete(&format!("/operations/{id}")).await.is(200);
    let _ = held.await.expect("an answer").is_problem(410, "operation_cancelled");
}

#[tokio::test]
async fn a_cancelled_operation_stays_so_over_a_crash() {
    let (mut gateway, service) = orders("", "").await;
    service.on_each("POST /orders", [Reply::hang(), Reply::status(201)]);
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    let _ = gateway.client().delete(&format!("/operations/{id}")).await.is(200);
    gateway.kill();
    gateway.restart().await;
    let next = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&next).await;
    assert_eq!(gateway.client().operation(&id).await["status"], "cancelled", "200 means committed");
}

#[tokio::test]
async fn an_unknown_operation_cannot_be_cancelled() {
    let (gateway, _service) = orders("", "").await;
    let _ = gateway.client().delete("/operations/unknown").await.is_problem(404, "operation_not_found");
}
