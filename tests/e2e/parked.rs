//! Parked messages: what ran out of attempts waits for an operator, who looks, redrives or discards.

use serde_json::{Value, json};
use sidegate_tests::{DEADLINE, Gateway, Reply, Service, eventually};

use crate::fixtures::{QUICK_RETRY, order, orders};

const PARK: &str = "exhausted = \"park\"";

/// A gateway with one order that failed three times: the operation's id, and the parked message.
async fn parked(exhausted: &str) -> (Gateway, Service, String, Value) {
    let (gateway, service) = orders("", &format!("{exhausted}\n{QUICK_RETRY}")).await;
    service.on("POST /orders", Reply::status(500).body("out of paper"));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let item = first_parked(&gateway).await;
    (gateway, service, id, item)
}

async fn first_parked(gateway: &Gateway) -> Value {
    let admin = gateway.admin();
    eventually(DEADLINE, "a message is parked", async || {
        admin.get("/parked").await.is(200).json()["items"].get(0).cloned()
    })
    .await
}

fn path(item: &Value, action: &str) -> String {
    let id = item["id"]
        .as_u64()
        .map_or_else(|| item["id"].as_str().unwrap_or("?").to_owned(), |id| id.to_string());
    format!("/parked/{id}{action}")
}

async fn is_empty(gateway: &Gateway) -> bool {
    gateway.admin().get("/parked").await.is(200).json()["items"] == json!([])
}

#[tokio::test]
async fn a_parked_message_tells_an_operator_what_happened() {
    let (gateway, _service, id, item) = parked(PARK).await;
    assert_eq!(item["consumer"], "create-order", "where it was to go");
    // Over a real broker the tests put their own name before it.
    let destination = item["destination"].as_str().unwrap_or_default();
    assert!(destination.ends_with("orders.create"), "where it came from: {destination}");
    assert_eq!(item["attempts"], 3, "how often it was tried");
    let shown = gateway.admin().get(&path(&item, "")).await.is(200);
    assert!(shown.text().contains(&id), "which operation it belongs to: {}", shown.text());
    assert!(shown.text().contains("500"), "what the service said last: {}", shown.text());
}

#[tokio::test]
async fn redriving_a_message_of_an_open_operation_goes_on_with_it() {
    let (gateway, service, id, item) = parked(PARK).await;
    gateway.client().becomes(&id, "parked").await;
    service.on("POST /orders", Reply::status(201));
    let redriven = gateway.admin().post(&path(&item, "/redrive")).await;
    assert!((200..300).contains(&redriven.status), "{} {}", redriven.status, redriven.text());
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "the same operation, at last");
    let calls = service.calls_to("/orders");
    assert!(calls.iter().all(|call| call.key() == calls[0].key()), "under the same Idempotency-Key");
    assert!(is_empty(&gateway).await, "and it is off the shelf");
}

#[tokio::test]
async fn redriving_a_message_of_an_ended_operation_makes_a_new_one() {
    let (gateway, service, id, item) = parked("exhausted = \"fail\"").await;
    gateway.client().ends(&id).await;
    service.on("POST /orders", Reply::status(201).body("done"));
    let redriven = gateway.admin().post(&path(&item, "/redrive")).await;
    assert!((200..300).contains(&redriven.status), "{} {}", redriven.status, redriven.text());

    let listed = async || gateway.admin().get("/operations").await.is(200).json();
    let new = eventually(DEADLINE, "the new operation has ended", async || {
        let all = listed().await;
        let is_new = |item: &&Value| item["redrive_of"] == json!(id) && item["status"] == "succeeded";
        all["items"].as_array().and_then(|items| items.iter().find(is_new).cloned())
    })
    .await;
    assert_ne!(new["id"], json!(id), "an outcome is never changed");
    assert_eq!(gateway.client().operation(&id).await["status"], "failed", "the first stays as it ended");
    let calls = service.calls_to("/orders");
    assert!(
        calls.iter().all(|call| call.key() == calls[0].key()),
        "the service sees the same Idempotency-Key"
    );
}

#[tokio::test]
async fn discarding_takes_a_message_off_the_shelf() {
    let (gateway, service, id, item) = parked("exhausted = \"fail\"").await;
    gateway.client().ends(&id).await;
    let discarded = gateway.admin().post(&path(&item, "/discard")).await;
    assert!((200..300).contains(&discarded.status), "{} {}", discarded.status, discarded.text());
    assert!(is_empty(&gateway).await, "it is gone");
    let _ = gateway.admin().post(&path(&item, "/redrive")).await.is_problem(404, "parked_not_found");
    assert_eq!(service.calls().len(), 3, "and was not tried again");
}

#[tokio::test]
async fn a_redriven_message_that_fails_again_is_parked_again() {
    let (gateway, service, id, item) = parked(PARK).await;
    gateway.client().becomes(&id, "parked").await;
    let _ = gateway.admin().post(&path(&item, "/redrive")).await;
    service.called("/orders", 6).await;
    gateway.client().becomes(&id, "parked").await;
    let again = first_parked(&gateway).await;
    assert_eq!(again["consumer"], "create-order", "nothing is dropped");
}

#[tokio::test]
async fn what_is_parked_survives_a_crash() {
    let (mut gateway, service, id, item) = parked(PARK).await;
    gateway.client().becomes(&id, "parked").await;
    gateway.kill();
    gateway.restart().await;
    assert_eq!(first_parked(&gateway).await["id"], item["id"], "the shelf is in the store");
    service.on("POST /orders", Reply::status(201));
    let _ = gateway.admin().post(&path(&item, "/redrive")).await;
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "and so is the message");
}

#[tokio::test]
async fn an_unknown_parked_message_is_404() {
    let gateway = Gateway::start("").await;
    for (method, path) in [("GET", "/parked/7"), ("POST", "/parked/7/redrive"), ("POST", "/parked/7/discard")]
    {
        let _ = gateway.admin().request(method, path).await.is_problem(404, "parked_not_found");
    }
}

#[tokio::test]
async fn a_redriven_event_stays_on_the_shelf_until_the_service_takes_it() {
    let toml = r#"
        [[route]]
        http = "POST /orders"
        publish = "orders.created"
        [[consumer]]
        subscribe = "orders.created"
        call = "POST http://service/heard"
    "#;
    let service = Service::start().await;
    service.on("POST /heard", Reply::status(422));
    let gateway = Gateway::beside(&service, toml).await;
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    let first = first_parked(&gateway).await;

    let _ = gateway.admin().post(&path(&first, "/redrive")).await.is(200);
    let again = eventually(DEADLINE, "it is parked anew", async || {
        Some(first_parked(&gateway).await).filter(|again| again["parked_at"] != first["parked_at"])
    });
    assert_eq!(again.await["id"], first["id"], "a second no loses nothing");
    service.on("POST /heard", Reply::status(204));
    let _ = gateway.admin().post(&path(&first, "/redrive")).await.is(200);
    eventually(DEADLINE, "it is off the shelf", async || is_empty(&gateway).await.then_some(())).await;
    let calls = service.calls_to("/heard");
    assert_eq!(calls.len(), 3, "once as an event, twice at the operator's word");
    assert!(calls.iter().all(|call| call.key() == calls[0].key()), "under the same Idempotency-Key");
}

#[tokio::test]
async fn an_operation_shows_that_an_operator_gave_it_another_go() {
    let (gateway, service, id, item) = parked(PARK).await;
    gateway.client().becomes(&id, "parked").await;
    service.on("POST /orders", Reply::hang());
    let _ = gateway.admin().post(&path(&item, "/redrive")).await.is(200);
    gateway.client().becomes(&id, "running").await;
}

#[tokio::test]
async fn operators_who_redrive_at_once_make_one_new_operation() {
    let (gateway, service, id, item) = parked("exhausted = \"fail\"").await;
    gateway.client().ends(&id).await;
    service.on("POST /orders", Reply::status(201));
    let at_once: Vec<_> =
        (0..8).map(|_| tokio::spawn(gateway.admin().post(&path(&item, "/redrive")).into_future())).collect();
    for redriven in at_once {
        let answer = redriven.await.expect("an answer");
        assert!([200, 404].contains(&answer.status), "redriven, or off the shelf already: {}", answer.text());
    }
    let listed = gateway.admin().get("/operations").await.is(200).json();
    let new =
        listed["items"].as_array().expect("a list").iter().filter(|item| item["redrive_of"] == json!(id));
    assert_eq!(new.count(), 1, "one message, one more go");
}
