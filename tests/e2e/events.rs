//! Publishing: an event is accepted once stored, and every subscribed consumer hears it.

use serde_json::json;
use sidegate_tests::{Gateway, Reply, Service};

use crate::fixtures::{QUICK_RETRY, order};

const PUBLISH: &str = r#"
    [[route]]
    name = "order-event"
    http = "POST /order-events"
    publish = "orders.created"
"#;

fn subscriber(path: &str, more: &str) -> String {
    format!(
        r#"
        [[consumer]]
        name = "{path}"
        subscribe = "orders.created"
        call = "POST http://service/{path}"
        {more}
        "#
    )
}

#[tokio::test]
async fn an_event_is_202_once_stored_and_ends_when_the_broker_has_it() {
    let service = Service::start().await;
    service.on("POST /stock", Reply::hang());
    let gateway = Gateway::beside(&service, &format!("{PUBLISH}{}", subscriber("stock", ""))).await;
    let id = gateway.client().post("/order-events").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "nobody answers an event");
}

#[tokio::test]
async fn the_subscribed_service_hears_an_event_once() {
    let service = Service::start().await;
    let gateway = Gateway::beside(&service, &format!("{PUBLISH}{}", subscriber("stock", ""))).await;
    for _ in 0..20 {
        let _ = gateway.client().post("/order-events").json(&order()).await.is(202);
    }
    let heard = service.called("/stock", 20).await;
    assert!(heard.iter().all(|call| call.json() == order()), "each with its body");
    let keys: std::collections::BTreeSet<_> = heard.iter().map(sidegate_tests::Call::key).collect();
    assert_eq!((heard.len(), keys.len()), (20, 20), "every event once, each under its own key");
}

#[tokio::test]
async fn an_event_without_a_subscriber_is_accepted_all_the_same() {
    let gateway = Gateway::start(PUBLISH).await;
    let id = gateway.client().post("/order-events").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "publishing asks for no listener");
}

#[tokio::test]
async fn a_held_publisher_waits_until_the_broker_has_it() {
    let service = Service::start().await;
    let toml = format!("{PUBLISH}\nreply = \"wait\"\n{}", subscriber("stock", ""));
    let gateway = Gateway::beside(&service, &toml).await;
    let response = gateway.client().post("/order-events").json(&order()).await;
    assert!((200..300).contains(&response.status) && response.status != 202, "done: {}", response.status);
    service.called("/stock", 1).await;
}

#[tokio::test]
async fn an_event_whose_attempts_ran_out_is_parked() {
    let service = Service::start().await;
    service.on("POST /stock", Reply::status(500));
    let gateway = Gateway::beside(&service, &format!("{PUBLISH}{}", subscriber("stock", QUICK_RETRY))).await;
    let id = gateway.client().post("/order-events").json(&order()).await.is(202).id();
    service.called("/stock", 3).await;
    let admin = gateway.admin();
    let parked = sidegate_tests::eventually(sidegate_tests::DEADLINE, "the event is parked", async || {
        let parked = admin.get("/parked").await.is(200).json();
        parked["items"].get(0).cloned()
    })
    .await;
    assert_eq!(parked["consumer"], "stock", "by whom it was not heard");
    assert_eq!(
        gateway.client().operation(&id).await["status"],
        "succeeded",
        "publishing was done long before"
    );
}

#[tokio::test]
async fn an_event_survives_a_crash_until_it_is_heard() {
    let service = Service::start().await;
    service.on_each("POST /stock", [Reply::hang(), Reply::status(204)]);
    let mut gateway = Gateway::beside(&service, &format!("{PUBLISH}{}", subscriber("stock", ""))).await;
    let _ = gateway.client().post("/order-events").json(&json!({ "n": 1 })).await.is(202);
    service.called("/stock", 1).await;
    gateway.kill();
    gateway.restart().await;
    let heard = service.called("/stock", 2).await;
    assert_eq!(heard[0].key(), heard[1].key(), "again, under the same key");
}

#[tokio::test]
async fn a_listener_may_answer_later_and_the_publisher_has_nothing_to_do_with_it() {
    let service = Service::start().await;
    service.on("POST /stock", Reply::later());
    let gateway = Gateway::beside(&service, &format!("{PUBLISH}{}", subscriber("stock", ""))).await;
    let client = gateway.client();
    let id = client.post("/order-events").json(&order()).await.is(202).id();
    let published = client.ends(&id).await;
    let call = service.called("/stock", 1).await.remove(0);
    let url: http::Uri = call.header("outcome-url").expect("where to answer").parse().expect("a URL");
    let path = url.path_and_query().expect("a path").as_str().to_owned();

    let told = ["one", "other"].map(|body| tokio::spawn(client.put(&path).body(body).into_future()));
    let mut statuses = Vec::new();
    for told in told {
        statuses.push(told.await.expect("an answer").status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses[1], 409, "of two outcomes told at once one stands: {statuses:?}");
    assert!([200, 202].contains(&statuses[0]), "and is taken, before or after the 202 was: {statuses:?}");
    assert_eq!(
        client.operation(&id).await,
        published,
        "the publisher's operation is not the listener's to end"
    );
}
