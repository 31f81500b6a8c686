//! The service *customers*, seen through its socket.

mod support;

use serde_json::{Value, json};
use sidegate_demo::Service;
use support::Running;

async fn customers() -> Running {
    Running::start(Service::Customers).await
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().into_iter().flatten();
    items.filter_map(|customer| customer["id"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_sample_customers_are_the_same_on_every_machine() {
    let bank = customers().await;
    let first = bank.get("/customers/cust-0001").await.is(200);
    assert_eq!(
        first.body,
        json!({ "id": "cust-0001", "name": "Park Ji-woo", "district": "gangnam-gu", "version": 1 }),
        "documentation names them"
    );
    bank.get("/customers/cust-1000").await.is(200);
    bank.get("/customers/cust-1001").await.refused(404, "unknown_customer");
}

#[tokio::test]
async fn a_district_is_listed_page_by_page() {
    let bank = customers().await;
    let whole = bank.get("/customers?district=gangnam-gu").await.is(200).body;
    assert_eq!(ids(&whole).len(), 40, "a thousand customers live in 25 districts");
    assert_eq!(whole["next"], Value::Null, "there is no further page");

    let first = bank.get("/customers?district=gangnam-gu&limit=30").await.is(200).body;
    let after = first["next"].as_str().expect("a full page leads on");
    let second =
        bank.get(&format!("/customers?district=gangnam-gu&limit=30&after={after}")).await.is(200).body;
    assert_eq!([ids(&first), ids(&second)].concat(), ids(&whole), "pages are the whole list, in order");

    let nobody = bank.get("/customers?district=atlantis").await.is(200).body;
    assert_eq!(nobody, json!({ "items": [], "next": null }), "nobody lives there, which is no error");
    bank.get("/customers?limit=1001").await.refused(422, "invalid_query");
}

#[tokio::test]
async fn a_change_raises_the_version_and_the_same_again_does_not() {
    let bank = customers().await;
    let change = || bank.put("/customers/cust-0001", json!({ "name": "Park Ji-woo", "district": "mapo-gu" }));
    let changed = change().await.is(200);
    assert_eq!((&changed.body["district"], &changed.body["version"]), (&json!("mapo-gu"), &json!(2)));
    let again = change().await.is(200);
    assert_eq!(again.body, changed.body, "PUT is idempotent, its version included");
    assert_eq!(bank.get("/customers/cust-0001").await.is(200).body, changed.body, "and it stays changed");
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused() {
    let bank = customers().await;
    let before = bank.get("/customers/cust-0001").await.is(200);
    bank.put("/customers/cust-0001", json!({ "name": "Kim" })).await.refused(422, "invalid_body");
    bank.put("/customers/cust-0001", json!({ "name": " ", "district": "mapo-gu" }))
        .await
        .refused(422, "invalid_body");
    bank.put("/customers/nobody", json!({ "name": "Kim", "district": "mapo-gu" }))
        .await
        .refused(404, "unknown_customer");
    assert_eq!(bank.get("/customers/cust-0001").await.body, before.body, "nothing changed");
}

#[tokio::test]
async fn two_kinds_of_events_are_heard_and_paged() {
    let bank = customers().await;
    bank.post_with_key("/events/customer-changed", "k", json!(1)).await.is(204);
    bank.post_with_key("/events/transfer-completed", "k", json!(2)).await.is(204);
    bank.post("/events/transfer-completed", json!(3)).await.is(204);
    bank.post("/events/transfer-completed", json!(3)).await.is(204);

    let newest = bank.get("/events?limit=3").await.is(200).body;
    let kinds: Vec<&Value> =
        newest["items"].as_array().into_iter().flatten().map(|event| &event["kind"]).collect();
    assert_eq!(
        kinds, ["transfer-completed"; 3],
        "without a key every event is a new one; a key counts within a kind"
    );
    let older = bank.get(&format!("/events?limit=3&before={}", newest["next"])).await.is(200).body;
    assert_eq!(older["items"][0]["kind"], "customer-changed", "the cursor leads to the older ones");
    assert_eq!(older["next"], Value::Null);
    bank.post("/events/unheard-of", json!({})).await.refused(404, "unknown_path");
}
