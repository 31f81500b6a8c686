//! Order: messages of one key one after the other, messages of different keys side by side.

use std::collections::BTreeMap;

use sidegate_tests::{Call, DEADLINE, Gate, Gateway, Reply, Service, eventually};

use crate::fixtures::{order_of, orders};

const BY_CUSTOMER: &str = r#"key = "{body/customer_id}""#;

async fn ask_for(gateway: &Gateway, customer: &str, count: usize) {
    for number in 0..count {
        let _ = gateway.client().post("/orders").json(&order_of(customer, number)).await.is(202);
    }
}

fn by_customer(service: &Service) -> BTreeMap<String, Vec<Call>> {
    let mut calls: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in service.calls() {
        let customer = call.json()["customer_id"].as_str().unwrap_or_default().to_owned();
        calls.entry(customer).or_default().push(call);
    }
    calls
}

#[tokio::test]
async fn messages_of_one_key_keep_their_order_and_never_overlap() {
    let (gateway, service) = orders(BY_CUSTOMER, "concurrency = 16").await;
    service.on_call("POST /orders", |_| Reply::status(200).after(std::time::Duration::from_millis(2)));
    let customers = ["kim", "lee", "park", "choi"];
    let asking = customers.map(|customer| ask_for(&gateway, customer, 25));
    futures_util::future::join_all(asking).await;
    service.called("/orders", 100).await;
    eventually(DEADLINE, "every call is answered", async || (service.open_calls() == 0).then_some(())).await;

    for (customer, calls) in by_customer(&service) {
        let numbers: Vec<_> =
            calls.iter().map(|call| call.json()["number"].as_u64().unwrap_or(u64::MAX)).collect();
        assert_eq!(numbers, (0..25).collect::<Vec<_>>(), "{customer}'s orders come as they were accepted");
        let apart = |pair: &[Call]| pair[0].ended.is_some_and(|ended| ended <= pair[1].began);
        assert!(calls.windows(2).all(apart), "{customer}'s orders come one at a time");
    }
}

#[tokio::test]
async fn order_within_a_key_holds_over_retries() {
    let retry = r#"retry = { attempts = 5, first = "20ms", factor = 1.0, jitter = 0.0 }"#;
    let (gateway, service) = orders(BY_CUSTOMER, &format!("concurrency = 16\n{retry}")).await;
    service.on_each("POST /orders", [Reply::status(500), Reply::status(500), Reply::status(200)]);
    ask_for(&gateway, "kim", 3).await;
    let calls = service.called("/orders", 5).await;
    let numbers: Vec<_> =
        calls.iter().map(|call| call.json()["number"].as_u64().unwrap_or(u64::MAX)).collect();
    assert_eq!(
        numbers,
        [0, 0, 0, 1, 2],
        "the second waits until the first is done, however often it is tried"
    );
}

#[tokio::test]
async fn a_slow_key_does_not_hold_up_the_others() {
    let (gateway, service) = orders(BY_CUSTOMER, "concurrency = 4").await;
    let gate = Gate::shut();
    let slow = gate.clone();
    service.on_call("POST /orders", move |call| {
        let is_slow = call.json()["customer_id"] == "slow";
        if is_slow { Reply::status(200).behind(&slow) } else { Reply::status(200) }
    });
    ask_for(&gateway, "slow", 10).await;
    ask_for(&gateway, "quick", 10).await;
    let done = eventually(DEADLINE, "the quick customer's orders are done", async || {
        by_customer(&service).remove("quick").filter(|calls| calls.len() == 10)
    });
    assert_eq!(done.await.len(), 10, "while the slow one's first is still open");
    assert_eq!(by_customer(&service)["slow"].len(), 1, "and its others wait behind it");
    gate.open();
    service.called("/orders", 20).await;
}

#[tokio::test]
async fn different_keys_run_side_by_side_up_to_the_concurrency() {
    let (gateway, service) = orders(BY_CUSTOMER, "concurrency = 4").await;
    let gate = Gate::shut();
    service.on("POST /orders", Reply::status(200).behind(&gate));
    for customer in ["a", "b", "c", "d", "e", "f"] {
        ask_for(&gateway, customer, 1).await;
    }
    service.called("/orders", 4).await;
    assert_eq!(service.open_calls(), 4, "as many at once as configured, and no more");
    gate.open();
    service.called("/orders", 6).await;
}

#[tokio::test]
async fn order_within_a_key_holds_over_a_crash() {
    let (mut gateway, service) = orders(BY_CUSTOMER, "concurrency = 16").await;
    service.on_each("POST /orders", [Reply::hang(), Reply::status(200)]);
    ask_for(&gateway, "kim", 5).await;
    service.called("/orders", 1).await;
    gateway.kill();
    gateway.restart().await;
    let calls = service.called("/orders", 6).await;
    let numbers: Vec<_> =
        calls.iter().map(|call| call.json()["number"].as_u64().unwrap_or(u64::MAX)).collect();
    assert_eq!(numbers, [0, 0, 1, 2, 3, 4], "the one under way comes first again");
}

#[tokio::test]
async fn a_request_without_its_key_is_refused() {
    let (gateway, _service) = orders(BY_CUSTOMER, "").await;
    let ask = gateway.client().post("/orders").json(&serde_json::json!({ "order_id": "A-1" }));
    let _ = ask.await.is_problem(422, "value_missing");
}
