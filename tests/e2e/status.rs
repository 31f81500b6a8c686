//! Asking about an operation: its document, long polls, entity tags, its result and its events.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sidegate_tests::{DEADLINE, Gate, Reply, eventually};

use crate::fixtures::{order, orders};

#[tokio::test]
async fn the_document_has_every_member_of_the_contract() {
    let (gateway, service) = orders("correlation = \"{body/order_id}\"", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::json(201, &json!({ "n": 1 })).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();

    let open = gateway.client().operation(&id).await;
    assert_eq!(
        (&open["id"], &open["route"]),
        (&json!(id), &json!("create-order")),
        "which one, of which route"
    );
    assert_eq!(open["correlation_id"], "A-1", "the business's own name");
    assert_eq!((&open["outcome"], &open["expires_at"]), (&Value::Null, &Value::Null), "not before its end");
    for (link, path) in [("self", ""), ("result", "/result"), ("events", "/events")] {
        assert_eq!(open["links"][link], format!("/operations/{id}{path}"), "links are absolute paths");
    }
    for time in ["created_at", "updated_at", "deadline"] {
        let text = open[time].as_str().unwrap_or_default();
        assert!(text.len() == 24 && text.ends_with('Z'), "`{time}` is RFC 3339, UTC, milliseconds: `{text}`");
    }

    gate.open();
    let ended = gateway.client().ends(&id).await;
    assert_eq!(ended["status"], "succeeded", "a 2xx is a success");
    assert_eq!(ended["outcome"], json!({ "status": 201, "content_type": "application/json", "bytes": 7 }));
    assert!(ended["expires_at"].is_string(), "how long it can be asked about");
}

#[tokio::test]
async fn asking_says_when_to_ask_again_while_it_runs_and_not_after() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let path = format!("/operations/{id}");
    assert!(gateway.client().get(&path).await.is(200).header("retry-after").is_some(), "it still runs");
    gate.open();
    gateway.client().ends(&id).await;
    let ended = gateway.client().get(&path).await.is(200);
    assert_eq!(ended.header("retry-after"), None, "there is nothing to wait for");
}

#[tokio::test]
async fn a_long_poll_answers_at_the_next_change() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    let before = gateway.client().becomes(&id, "sent").await;
    let poll = gateway.client().get(&format!("/operations/{id}")).prefer("wait=30");
    let mut poll = tokio::spawn(poll.into_future());
    let early = tokio::time::timeout(Duration::from_millis(300), &mut poll).await;
    assert!(early.is_err(), "it answers only when there is something to tell");
    gate.open();
    let after = poll.await.expect("an answer").is(200);
    assert_eq!(before["status"], "sent", "it began while the service worked");
    assert_eq!(after.json()["status"], "succeeded", "and answered when that changed");
    assert_eq!(after.header("preference-applied"), Some("wait=30"), "the preference was followed");
}

#[tokio::test]
async fn a_long_poll_without_a_change_answers_after_its_wait() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().becomes(&id, "sent").await;
    let asked = Instant::now();
    let poll = gateway.client().get(&format!("/operations/{id}")).prefer("wait=1").await.is(200);
    assert!(asked.elapsed() >= Duration::from_secs(1), "it waited for a change");
    assert_eq!(poll.json()["status"], "sent", "and tells what there is");
}

#[tokio::test]
async fn an_unchanged_operation_is_304() {
    let (gateway, _service) = orders("", "").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    let path = format!("/operations/{id}");
    let first = gateway.client().get(&path).await.is(200);
    let tag = first.header("etag").expect("an entity tag").to_owned();

    let same = gateway.client().get(&path).header("if-none-match", &tag).await.is(304);
    assert!(same.body.is_empty(), "nothing is told twice");
    assert_eq!(same.header("etag"), Some(tag.as_str()), "which state it is");
    let weak = format!("\"other\", W/{tag}");
    let _ = gateway.client().get(&path).header("if-none-match", &weak).await.is(304);
    let _ = gateway.client().get(&path).header("if-none-match", "\"other\"").await.is(200);
}

#[tokio::test]
async fn the_tag_changes_with_the_operation() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let accepted = gateway.client().post("/orders").json(&order()).await.is(202);
    let tag = accepted.header("etag").expect("an entity tag").to_owned();
    gate.open();
    gateway.client().ends(&accepted.id()).await;
    let path = format!("/operations/{}", accepted.id());
    let _ = gateway.client().get(&path).header("if-none-match", &tag).await.is(200);
}

#[tokio::test]
async fn the_result_is_202_until_the_end_and_then_the_services_answer() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    let answer = Reply::json(201, &json!({ "n": 1 })).header("x-shelf", "B");
    service.on("POST /orders", answer.behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();

    let running = gateway.client().result(&id).await.is(202);
    assert!(running.header("retry-after").is_some(), "when to ask again");
    gate.open();
    gateway.client().ends(&id).await;
    let result = gateway.client().result(&id).await.is(201);
    assert_eq!(result.json(), json!({ "n": 1 }), "the body as it was");
    assert_eq!(result.header("x-shelf"), Some("B"), "its headers");
    assert_eq!(result.header("operation-status"), Some("succeeded"), "and how it ended");
}

#[tokio::test]
async fn the_result_of_a_failure_is_the_services_answer_too() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::status(422).body("no such item"));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "failed", "a definite no is a failure");
    let result = gateway.client().result(&id).await.is(422);
    assert_eq!(result.text(), "no such item", "the service's own words");
    assert_eq!(result.header("sidegate-error-source"), Some("service"), "and whose they are");
    assert_eq!(result.header("operation-status"), Some("failed"), "and how it ended");
}

#[tokio::test]
async fn the_result_can_be_waited_for() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let ask = gateway.client().get(&format!("/operations/{id}/result")).prefer("wait=30");
    let held = tokio::spawn(ask.into_future());
    service.called("/orders", 1).await;
    gate.open();
    let _ = held.await.expect("an answer").is(201);
}

#[tokio::test]
async fn events_tell_each_status_and_then_the_end() {
    let (gateway, service) = orders("", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let mut events = gateway.client().events(&id).await;
    let first = events.next().await.expect("the state at once");
    assert_eq!((first.name.as_str(), &first.json()["id"]), ("status", &json!(id)), "the operation as data");

    service.called("/orders", 1).await;
    gate.open();
    let rest = events.rest().await;
    let end = rest.last().expect("an end");
    assert_eq!(
        (end.name.as_str(), &end.json()["status"]),
        ("end", &json!("succeeded")),
        "the last is the end"
    );
    let revisions: Vec<u32> =
        std::iter::once(&first).chain(&rest).filter_map(|event| event.id.parse().ok()).collect();
    assert_eq!(revisions.len(), rest.len() + 1, "every event has its revision as id");
    assert!(revisions.is_sorted(), "in the order they happened: {revisions:?}");
}

#[tokio::test]
async fn events_of_an_ended_operation_tell_the_end_at_once() {
    let (gateway, _service) = orders("", "").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    let names: Vec<_> =
        gateway.client().events(&id).await.rest().await.into_iter().map(|event| event.name).collect();
    assert_eq!(names, ["status", "end"], "its state, its end, and the stream is closed");
}

#[tokio::test]
async fn an_unknown_and_a_malformed_id_get_the_same_404() {
    let (gateway, _service) = orders("", "").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let flipped = if id.ends_with('A') { "B" } else { "A" };
    let guessed = format!("{}{flipped}", &id[..id.len() - 1]);
    for unknown in [guessed.as_str(), "x", "%00", "0"] {
        for part in ["", "/result", "/events"] {
            let path = format!("/operations/{unknown}{part}");
            let _ = gateway.client().get(&path).await.is_problem(404, "operation_not_found");
        }
    }
}

#[tokio::test]
async fn ids_are_opaque_url_safe_and_long_enough() {
    let (gateway, _service) = orders("", "").await;
    let first = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let second = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_ne!(first, second, "an id is used once");
    let safe = |char: char| char.is_ascii_alphanumeric() || "-_.~".contains(char);
    assert!(first.chars().all(safe), "`{first}` goes into a URL as it is");
    assert!(first.len() * 6 >= 120, "`{first}` has room for 120 random bits");
}

#[tokio::test]
async fn an_operation_is_forgotten_after_its_retention() {
    let (gateway, _service) = orders("retention = \"1s\"", "").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let path = format!("/operations/{id}");
    eventually(4 * DEADLINE, "the operation is forgotten", async || {
        (gateway.client().get(&path).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_ended_can_be_asked_about_after_a_crash() {
    let (mut gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::status(201).body("kept"));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().ends(&id).await;
    gateway.kill();
    gateway.restart().await;
    assert_eq!(gateway.client().result(&id).await.is(201).text(), "kept", "the outcome is in the store");
}
