//! The admin plane: what an operator sees of a running gateway, apart from the data plane.

use serde_json::{Value, json};
use sidegate_tests::{DEADLINE, Gateway, Reply, eventually};

use crate::fixtures::{order, orders, orders_setup};

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("a list has items");
    items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned).collect()
}

async fn accept(gateway: &Gateway, count: usize) -> Vec<String> {
    let mut accepted = Vec::new();
    for _ in 0..count {
        accepted.push(gateway.client().post("/orders").json(&order()).await.is(202).id());
    }
    accepted
}

#[tokio::test]
async fn a_gateway_is_live_and_ready() {
    let gateway = Gateway::start("").await;
    let _ = gateway.admin().get("/live").await.is(200);
    let _ = gateway.admin().get("/ready").await.is(200);
}

#[tokio::test]
async fn the_admin_plane_is_not_on_the_data_plane() {
    let gateway = Gateway::start("").await;
    for path in ["/live", "/ready", "/metrics", "/config", "/parked", "/brokers"] {
        let _ = gateway.client().get(path).await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn operations_are_listed_newest_first_and_page_by_page() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let accepted = accept(&gateway, 5).await;
    let mut seen = Vec::new();
    let mut path = "/operations?limit=2".to_owned();
    loop {
        let page = gateway.admin().get(&path).await.is(200).json();
        seen.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/operations?limit=2&cursor={next}");
    }
    let newest_first: Vec<_> = accepted.into_iter().rev().collect();
    assert_eq!(seen, newest_first, "each once, in their order, over all pages");
}

#[tokio::test]
async fn operations_are_filtered() {
    let (gateway, service) = orders("", "").await;
    service.on_each("POST /orders", [Reply::status(409), Reply::status(201)]);
    let failed =
        gateway.client().post("/orders").json(&order()).header("correlation-id", "A/1").await.is(202).id();
    gateway.client().ends(&failed).await;
    let succeeded = accept(&gateway, 1).await.remove(0);
    let at = gateway.client().ends(&succeeded).await["created_at"].as_str().expect("a time").to_owned();

    let listed =
        async |query: &str| ids(&gateway.admin().get(&format!("/operations?{query}")).await.is(200).json());
    assert_eq!(listed("status=failed").await, [failed.as_str()], "by status");
    assert_eq!(listed("correlation=A%2F1").await, [failed.as_str()], "by the business's name");
    assert_eq!(
        listed(&format!("correlation={succeeded}")).await,
        [succeeded.as_str()],
        "an id is its own name"
    );
    assert_eq!(listed("route=create-order&status=succeeded").await, [succeeded.as_str()], "by both");
    assert_eq!(listed("route=other").await, Vec::<String>::new(), "by route");
    assert_eq!(listed(&format!("since={at}")).await, [succeeded], "by time");
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let gateway = Gateway::start("").await;
    for query in ["status=lost", "since=yesterday", "limit=many", "colour=red", "cursor=x"] {
        let answer = gateway.admin().get(&format!("/operations?{query}")).await.is(400);
        assert!(answer.text().contains("detail"), "`{query}` is refused with words: {}", answer.text());
    }
}

#[tokio::test]
async fn one_operation_is_shown_with_its_timeline() {
    let (gateway, _service) = orders("", "").await;
    let id = accept(&gateway, 1).await.remove(0);
    gateway.client().ends(&id).await;
    let shown = gateway.admin().get(&format!("/operations/{id}")).await.is(200).json();
    let timeline = shown["timeline"].as_array().expect("a timeline");
    let events: Vec<_> = timeline.iter().filter_map(|entry| entry["event"].as_str()).collect();
    assert_eq!(
        (events.first(), events.last()),
        (Some(&"accepted"), Some(&"answered")),
        "from its begin to its end"
    );
    let times: Vec<_> = timeline.iter().filter_map(|entry| entry["at"].as_str()).collect();
    assert!(times.is_sorted() && times.len() == events.len(), "in the order of time: {times:?}");
}

#[tokio::test]
async fn an_operator_can_cancel() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = accept(&gateway, 1).await.remove(0);
    let cancelled = gateway.admin().post(&format!("/operations/{id}/cancel")).await.is(200);
    assert_eq!(cancelled.json()["status"], "cancelled", "the operation as it is now");
    assert_eq!(gateway.client().operation(&id).await["status"], "cancelled", "for everybody");
}

#[tokio::test]
async fn routes_and_consumers_are_listed() {
    let (gateway, _service) = orders("", "").await;
    let routes = gateway.admin().get("/routes").await.is(200);
    assert_eq!(routes.json()["items"][0]["name"], "create-order", "{}", routes.text());
    assert_eq!(routes.json()["consumers"][0]["name"], "create-order", "{}", routes.text());
}

#[tokio::test]
async fn brokers_are_listed_with_how_they_are() {
    let gateway = Gateway::start("").await;
    let brokers = gateway.admin().get("/brokers").await.is(200).json();
    assert_eq!(brokers["items"][0]["name"], "main", "{brokers}");
}

#[tokio::test]
async fn the_config_is_shown_without_its_secrets() {
    let (setup, _service) = orders_setup("", "").await;
    let setup =
        setup.gateway("admin_tokens = { ops = \"${OPS_TOKEN}\" }").variable("OPS_TOKEN", "s3cr3t-t0ken");
    let gateway = setup.start().await;
    let config = gateway.admin().get("/config").header("authorization", "Bearer s3cr3t-t0ken").await.is(200);
    assert!(config.text().contains("orders.create"), "what is in force: {}", config.text());
    assert!(!config.text().contains("s3cr3t"), "never a secret");
    assert!(!gateway.log_text().contains("s3cr3t"), "in no log line either");
}

#[tokio::test]
async fn with_tokens_the_admin_plane_wants_one_except_for_probes() {
    let (setup, _service) = orders_setup("", "").await;
    let gateway = setup.gateway("admin_tokens = { ops = \"0123456789abcdef\" }").start().await;
    let admin = gateway.admin();
    for path in ["/live", "/ready", "/metrics"] {
        let _ = admin.get(path).await.is(200);
    }
    for path in ["/operations", "/config", "/routes", "/brokers", "/parked"] {
        let refused = admin.get(path).await.is_problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"), "it says what it wants");
        let _ = admin.get(path).header("authorization", "Bearer 0123456789abcdeg").await.is(401);
        let _ = admin.get(path).header("authorization", "Bearer 0123456789abcdef").await.is(200);
    }
}

#[tokio::test]
async fn metrics_count_what_happens() {
    let (gateway, _service) = orders("", "").await;
    let id = accept(&gateway, 1).await.remove(0);
    gateway.client().ends(&id).await;
    let metrics = gateway.admin().get("/metrics").await.is(200);
    let media_type = metrics.header("content-type").unwrap_or_default();
    assert!(media_type.starts_with("application/openmetrics-text"), "{media_type}");
    let text = metrics.text();
    assert!(text.trim_end().ends_with("# EOF"), "OpenMetrics ends with its mark");
    for line in [
        "sidegate_operations_accepted_total{route=\"create-order\"} 1",
        "sidegate_operations_ended_total{route=\"create-order\",status=\"succeeded\"} 1",
        "sidegate_operation_duration_seconds_count{route=\"create-order\"} 1",
    ] {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
}

#[tokio::test]
async fn the_store_is_backed_up_while_it_works() {
    let (gateway, _service) = orders("", "").await;
    let id = accept(&gateway, 1).await.remove(0);
    gateway.client().ends(&id).await;
    let file = gateway.folder().join("copy.db");
    let path = file.to_str().expect("a path of plain characters");
    let _ = gateway.operate(&["store", "backup", path]).await.ok();
    let copy = rusqlite::Connection::open(&file).expect("the copy is there");
    let sound: String =
        copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is a database");
    assert_eq!(sound, "ok", "a consistent copy");
    let _ = gateway.operate(&["store", "backup", path]).await.exits(1);
}

#[tokio::test]
async fn the_number_of_held_callers_shows() {
    let (gateway, service) = orders("reply = \"wait\"", "").await;
    let gate = sidegate_tests::Gate::shut();
    service.on("POST /orders", Reply::status(200).behind(&gate));
    let held = tokio::spawn(gateway.client().post("/orders").json(&json!({})).into_future());
    let line = "sidegate_callers_held{route=\"create-order\"} 1";
    let shows = async || gateway.admin().get("/metrics").await.text().contains(line).then_some(());
    eventually(DEADLINE, "one caller is held", shows).await;
    gate.open();
    let _ = held.await.expect("an answer").is(200);
}
