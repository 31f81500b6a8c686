//! `Idempotency-Key`: one key is one operation, one execution and one answer, whoever asks again and when.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use sidegate_tests::{Gate, Reply};

use crate::fixtures::{order, orders};

const WAIT: &str = "reply = \"wait\"\ndurable = true";

#[tokio::test]
async fn a_hundred_at_once_become_one_operation_one_execution_and_one_answer() {
    let (gateway, service) = orders(WAIT, "").await;
    let gate = Gate::shut();
    service.on_each("POST /orders", [Reply::status(201).body("the first").behind(&gate), Reply::status(500)]);
    let client = gateway.client();
    let asks = (0..100).map(|_| tokio::spawn(client.post("/orders").json(&order()).key("k").into_future()));
    let asks: Vec<_> = asks.collect();
    service.called("/orders", 1).await;
    gate.open();

    let answers: Vec<_> =
        join_all(asks).await.into_iter().map(|joined| joined.expect("an answer").is(201)).collect();
    let ids: BTreeSet<_> = answers.iter().map(sidegate_tests::Response::id).collect();
    assert_eq!(ids.len(), 1, "one operation");
    assert!(answers.iter().all(|answer| answer.text() == "the first"), "the same answer for everybody");
    assert_eq!(service.calls().len(), 1, "one execution");
}

#[tokio::test]
async fn a_repeat_while_it_runs_joins_the_operation_as_it_asks() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).body("done").behind(&gate));
    let ask = || gateway.client().post("/orders").json(&order()).key("k");
    let first = ask().await.is(202);
    let second = ask().await.is(202);
    assert_eq!(second.id(), first.id(), "the same operation");

    let held = tokio::spawn(ask().prefer("wait=20").into_future());
    service.called("/orders", 1).await;
    gate.open();
    let held = held.await.expect("an answer").is(201);
    assert_eq!(
        (held.id(), held.text()),
        (first.id(), "done".to_owned()),
        "held, with the operation's answer"
    );
}

#[tokio::test]
async fn after_the_end_a_held_caller_gets_the_same_answer_again() {
    let (gateway, service) = orders(WAIT, "").await;
    service
        .on_each("POST /orders", [Reply::status(201).body("one").header("x-shelf", "B"), Reply::status(500)]);
    let ask = || gateway.client().post("/orders").json(&order()).key("k");
    let (first, again) = (ask().await.is(201), ask().await.is(201));
    assert_eq!(
        (again.id(), again.text()),
        (first.id(), "one".to_owned()),
        "the answer, not another execution"
    );
    assert_eq!(again.header("x-shelf"), Some("B"), "with its headers");
    assert_eq!(service.calls().len(), 1, "one execution");
}

#[tokio::test]
async fn after_the_end_a_polled_route_answers_200_with_the_operation() {
    let (gateway, _service) = orders("", "").await;
    let ask = || gateway.client().post("/orders").json(&order()).key("k");
    let first = ask().await.is(202);
    gateway.client().ends(&first.id()).await;
    let again = ask().await.is(200);
    assert_eq!(again.json()["status"], "succeeded", "it has ended, and says how");
    assert_eq!(again.header("location"), first.header("location"), "where its result is");
}

#[tokio::test]
async fn a_repeat_after_a_restart_is_still_a_repeat() {
    let (mut gateway, service) = orders(WAIT, "").await;
    service.on_each("POST /orders", [Reply::status(201).body("one"), Reply::status(500)]);
    let first = gateway.client().post("/orders").json(&order()).key("k").await.is(201);
    gateway.kill();
    gateway.restart().await;
    let again = gateway.client().post("/orders").json(&order()).key("k").await.is(201);
    assert_eq!((again.id(), again.text()), (first.id(), "one".to_owned()), "the key outlives the process");
    assert_eq!(service.calls().len(), 1, "one execution");
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (gateway, service) = orders("", "").await;
    let _ = gateway.client().post("/orders").json(&order()).key("k").await.is(202);
    let other = gateway.client().post("/orders").json(&json!({ "order_id": "B-2" })).key("k");
    let _ = other.await.is_problem(422, "idempotency_key_reused");
    service.called("/orders", 1).await;
    assert_eq!(service.calls().len(), 1, "the other body is never executed under this key");
}

#[tokio::test]
async fn quoted_and_bare_are_the_same_key() {
    let (gateway, _service) = orders("", "").await;
    let bare = gateway.client().post("/orders").json(&order()).key("8e03978e-40d5").await.is(202);
    let quoted = gateway.client().post("/orders").json(&order()).key("\"8e03978e-40d5\"").await;
    assert_eq!(quoted.id(), bare.id(), "the draft quotes it, most clients do not");
}

#[tokio::test]
async fn keys_belong_to_their_route() {
    let toml = "
        [[route]]
        http = \"POST /a\"
        send = \"work\"
        [[route]]
        http = \"POST /b\"
        send = \"work\"
    ";
    let gateway = sidegate_tests::Gateway::start(toml).await;
    let a = gateway.client().post("/a").json(&order()).key("k").await.is(202);
    let b = gateway.client().post("/b").json(&order()).key("k").await.is(202);
    assert_ne!(a.id(), b.id(), "another route, another operation");
}

#[tokio::test]
async fn a_route_may_require_a_key() {
    let (gateway, _service) = orders("idempotency = \"required\"", "").await;
    let _ = gateway.client().post("/orders").json(&order()).await.is_problem(400, "idempotency_key_required");
    let _ = gateway.client().post("/orders").json(&order()).key("k").await.is(202);
}

#[tokio::test]
async fn a_route_may_ignore_keys() {
    let (gateway, service) = orders("idempotency = \"off\"", "").await;
    let first = gateway.client().post("/orders").json(&order()).key("k").await.is(202);
    let second = gateway.client().post("/orders").json(&order()).key("k").await.is(202);
    assert_ne!(first.id(), second.id(), "a key without meaning makes no repeat");
    service.called("/orders", 2).await;
}

#[tokio::test]
async fn a_failure_is_an_answer_too_and_is_repeated() {
    let (gateway, service) = orders(WAIT, "").await;
    service.on_each("POST /orders", [Reply::status(409).body("sold out"), Reply::status(201)]);
    let ask = || gateway.client().post("/orders").json(&order()).key("k");
    let (first, again) = (ask().await.is(409), ask().await.is(409));
    assert_eq!(first.id(), again.id(), "the outcome stands; a new try needs a new key");
    assert_eq!(service.calls().len(), 1, "one execution");
}
