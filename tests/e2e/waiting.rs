//! How long a caller waits: `hold`, the deadline, and `Prefer` as RFC 7240 writes it.

use std::time::{Duration, Instant};

use sidegate_tests::{Gate, Reply};

use crate::fixtures::{order, orders};

const WAIT: &str = r#"reply = "wait""#;
const WAIT_WITH_RECORD: &str = "reply = \"wait\"\ndurable = true";

#[tokio::test]
async fn respond_async_answers_at_once_on_a_route_that_waits() {
    let (gateway, service) = orders(WAIT_WITH_RECORD, "").await;
    service.on("POST /orders", Reply::hang());
    let response = gateway.client().post("/orders").json(&order()).prefer("respond-async").await.is(202);
    assert_eq!(
        response.header("preference-applied"),
        Some("respond-async"),
        "a preference followed is said so"
    );
    let again = gateway.client().post("/orders").json(&order()).prefer("Respond-Async").await.is(202);
    assert_eq!(again.header("preference-applied"), Some("respond-async"), "names have no case");
}

#[tokio::test]
async fn wait_holds_a_caller_on_a_route_that_polls() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::status(201));
    let response = gateway.client().post("/orders").json(&order()).prefer("wait=10").await.is(201);
    assert_eq!(response.header("preference-applied"), Some("wait=10"), "a preference followed is said so");
    assert_eq!(response.header("operation-status"), Some("succeeded"), "the answer came within the wait");
}

#[tokio::test]
async fn after_the_wait_comes_202() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let asked = Instant::now();
    let response =
        gateway.client().post("/orders").json(&order()).prefer("respond-async, wait=1").await.is(202);
    assert!(asked.elapsed() >= Duration::from_secs(1), "it was held for the whole wait");
    assert_eq!(response.header("preference-applied"), Some("respond-async, wait=1"), "both were followed");
    assert!(response.header("location").is_some(), "and can be asked about from here on");
}

#[tokio::test]
async fn the_first_wait_counts_and_what_is_unknown_is_ignored() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let ask = gateway.client().post("/orders").json(&order());
    let ask = ask.prefer("return=minimal; foo=\"a b\"").prefer("wait=1, wait=30");
    let asked = Instant::now();
    let response = ask.await.is(202);
    assert!(asked.elapsed() < Duration::from_secs(15), "the second wait does not count");
    assert_eq!(response.header("preference-applied"), Some("wait=1"), "only what was followed is named");
}

#[tokio::test]
async fn a_wait_of_nothing_is_202() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let _ = gateway.client().post("/orders").json(&order()).prefer("wait=0").await.is(202);
}

#[tokio::test]
async fn hold_is_how_long_a_route_waits_before_202() {
    let (gateway, service) = orders("reply = \"wait\"\nhold = \"300ms\"", "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let asked = Instant::now();
    let response = gateway.client().post("/orders").json(&order()).await.is(202);
    assert!(asked.elapsed() >= Duration::from_millis(300), "the caller was held first");
    assert_eq!(response.header("preference-applied"), None, "the client preferred nothing");

    gate.open();
    let ended = gateway.client().ends(&response.id()).await;
    assert_eq!(ended["outcome"]["status"], 201, "the answer is recorded although nobody is held any more");
}

#[tokio::test]
async fn without_hold_a_caller_waits_until_the_deadline_and_gets_504() {
    for record in ["durable = false", "durable = true"] {
        let (gateway, service) = orders(&format!("{WAIT}\ntimeout = \"500ms\"\n{record}"), "").await;
        service.on("POST /orders", Reply::hang());
        let asked = Instant::now();
        let response =
            gateway.client().post("/orders").json(&order()).await.is_problem(504, "deadline_exceeded");
        assert!(asked.elapsed() >= Duration::from_millis(500), "not before the deadline ({record})");
        assert!(asked.elapsed() < Duration::from_secs(10), "and not long after it ({record})");
        assert_eq!(response.json()["retry"], "with_key", "it may have been executed ({record})");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_take_the_operation_along() {
    let (gateway, service) = orders(WAIT_WITH_RECORD, "").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let held = tokio::spawn(gateway.client().post("/orders").json(&order()).tried());
    let call = service.called("/orders", 1).await.remove(0);
    held.abort();
    gate.open();

    let id = call.header("operation-id").expect("the call names its operation");
    assert_eq!(
        gateway.client().ends(id).await["status"],
        "succeeded",
        "accepted work goes on without its caller"
    );
}

#[tokio::test]
async fn a_long_poll_takes_a_tag_however_it_is_written() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    gateway.client().becomes(&id, "sent").await;
    let path = format!("/operations/{id}");
    let tag = gateway.client().get(&path).await.is(200).header("etag").expect("a tag").to_owned();
    for known in [format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let asked = Instant::now();
        let poll = gateway.client().get(&path).header("if-none-match", &known).prefer("wait=1").await;
        let _ = poll.is(304);
        assert!(
            asked.elapsed() >= Duration::from_secs(1),
            "`{known}` is the state it has: it waits for another"
        );
    }
}
