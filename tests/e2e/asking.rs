//! Asking: what a client sends, what travels, what it gets, and how the reply modes differ.

use serde_json::json;
use sidegate_tests::{Gateway, Reply, Service};

use crate::fixtures::{order, orders, orders_setup};

#[tokio::test]
async fn a_held_caller_gets_the_services_own_answer() {
    let (gateway, service) = orders(r#"reply = "wait""#, "").await;
    let answer =
        Reply::json(201, &json!({ "order": 7 })).header("x-shelf", "B").header("content-language", "ko");
    service.on("POST /orders", answer);

    let response = gateway.client().post("/orders").json(&order()).await.is(201);
    assert_eq!(response.json(), json!({ "order": 7 }), "the body comes back as it was");
    assert_eq!(response.header("content-type"), Some("application/json"), "with its media type");
    assert_eq!(response.header("content-language"), Some("ko"), "and its other end-to-end headers");
    assert_eq!(response.header("x-shelf"), Some("B"), "its own ones too");
    assert_eq!(response.header("sidegate-error-source"), None, "a success is nobody's error");
}

#[tokio::test]
async fn a_held_caller_gets_the_services_error_as_it_was() {
    let (gateway, service) = orders(r#"reply = "wait""#, "").await;
    service.on("POST /orders", Reply::json(409, &json!({ "why": "sold out" })));

    let response = gateway.client().post("/orders").json(&order()).await.is(409);
    assert_eq!(response.json(), json!({ "why": "sold out" }), "the service's own words");
    assert_eq!(response.header("sidegate-error-source"), Some("service"), "and whose they are");
}

#[tokio::test]
async fn a_route_polls_unless_it_says_otherwise() {
    let (gateway, service) = orders("", "").await;
    let response = gateway.client().post("/orders").json(&order()).await.is(202);
    assert_eq!(response.json()["id"], response.id(), "the operation is told as JSON");
    assert_eq!(
        response.header("location"),
        Some(format!("/operations/{}", response.id()).as_str()),
        "an absolute path"
    );
    assert!(
        response.header("retry-after").is_some_and(|pause| pause.parse::<u32>().is_ok()),
        "when to ask again"
    );
    assert_eq!(
        response.header("correlation-id"),
        Some(response.id().as_str()),
        "its own id, where no other was given"
    );

    gateway.client().ends(&response.id()).await;
    assert_eq!(service.calls_to("/orders").len(), 1, "accepted once is executed once");
}

#[tokio::test]
async fn the_consumers_call_carries_everything_a_service_needs() {
    let (gateway, service) = orders(r#"correlation = "{body/order_id}""#, "").await;
    let accepted = gateway.client().post("/orders").json(&order()).await.is(202);
    let call = service.called("/orders", 1).await.remove(0);

    assert_eq!(call.json(), order(), "the request's body, byte for byte");
    assert_eq!(call.header("content-type"), Some("application/json"), "the media type travels");
    assert_eq!(call.header("operation-id"), Some(accepted.id().as_str()), "which operation it is");
    assert_eq!(call.header("correlation-id"), Some("A-1"), "the business's own name for it");
    assert!(!call.key().is_empty(), "a key to tell repeats apart");
    assert!(call.header("traceparent").is_some(), "a trace to belong to");
    let outcome_url = call.header("outcome-url").expect("where to answer later");
    assert!(outcome_url.contains(&format!("/operations/{}/outcome", accepted.id())), "{outcome_url}");
}

#[tokio::test]
async fn only_named_headers_travel_over_a_broker() {
    let (gateway, service) = orders(r#"headers = ["x-tenant"]"#, "").await;
    let ask = gateway.client().post("/orders").json(&order());
    let ask = ask.header("x-tenant", "north").header("x-other", "no").header("accept-language", "ko");
    let ask = ask.header("authorization", "Basic secret").header("cookie", "session=secret");
    let _ =
        ask.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await.is(202);

    let call = service.called("/orders", 1).await.remove(0);
    assert_eq!(call.header("x-tenant"), Some("north"), "the route names it");
    assert_eq!(call.header("accept-language"), Some("ko"), "it is in the default set");
    let traceparent = call.header("traceparent").unwrap_or_default();
    assert!(traceparent.contains("0af7651916cd43dd8448eb211c80319c"), "the trace goes on: {traceparent}");
    for absent in ["x-other", "authorization", "cookie"] {
        assert_eq!(call.header(absent), None, "`{absent}` is nobody's business behind the broker");
    }
}

#[tokio::test]
async fn a_body_of_any_bytes_arrives_byte_for_byte() {
    let (gateway, service) = orders(r#"reply = "wait""#, "").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    service.on_call("POST /orders", |call| Reply::status(200).body(call.body.clone()));

    let ask = gateway.client().post("/orders").header("content-type", "application/octet-stream");
    let response = ask.body(bytes.clone()).await.is(200);
    assert_eq!(response.body, bytes, "there and back unchanged");
}

#[tokio::test]
async fn the_correlation_id_is_the_routes_else_the_headers_else_the_operations() {
    let (gateway, _service) = orders("", "").await;
    let named =
        gateway.client().post("/orders").json(&order()).header("correlation-id", "mine").await.is(202);
    assert_eq!(named.json()["correlation_id"], "mine", "the header names it");
    let plain = gateway.client().post("/orders").json(&order()).await.is(202);
    assert_eq!(plain.json()["correlation_id"], plain.id(), "else the operation's id");

    let (gateway, _service) = orders(r#"correlation = "{body/order_id}""#, "").await;
    let by_route =
        gateway.client().post("/orders").json(&order()).header("correlation-id", "mine").await.is(202);
    assert_eq!(by_route.header("correlation-id"), Some("A-1"), "the route's template comes first");
}

#[tokio::test]
async fn without_a_wish_for_an_answer_the_operation_ends_when_the_broker_has_the_message() {
    let (gateway, service) = orders(r#"reply = "none""#, "").await;
    service.on("POST /orders", Reply::hang());

    let accepted = gateway.client().post("/orders").json(&order()).await.is(202);
    let ended = gateway.client().ends(&accepted.id()).await;
    assert_eq!(ended["status"], "succeeded", "no answer is waited for");
    service.called("/orders", 1).await;
}

#[tokio::test]
async fn a_held_request_without_a_record_names_no_operation() {
    let (gateway, service) = orders(r#"reply = "wait""#, "").await;
    service.on("POST /orders", Reply::status(204));
    let response = gateway.client().post("/orders").json(&order()).await.is(204);
    assert_eq!(response.header("operation-id"), None, "there is nothing to ask about later");
    let listed = gateway.admin().get("/operations").await.is(200).json();
    assert_eq!(listed["items"], json!([]), "and nothing was stored");
}

#[tokio::test]
async fn a_held_durable_request_names_its_operation() {
    let (gateway, _service) = orders("reply = \"wait\"\ndurable = true", "").await;
    let response = gateway.client().post("/orders").json(&order()).await.is(200);
    assert_eq!(response.header("operation-status"), Some("succeeded"), "the answer says how it ended");
    let operation = gateway.client().operation(&response.id()).await;
    assert_eq!(operation["outcome"]["status"], 200, "and it can be asked about later");
}

#[tokio::test]
async fn a_destination_may_come_from_the_request() {
    let toml = r#"
        [[route]]
        http = "POST /shops/{shop}/orders"
        send = "orders.{path.shop}"
        reply = "wait"

        [[consumer]]
        receive = "orders.north"
        call = "{message.method} http://service/north{message.path}"
    "#;
    let service = Service::start().await;
    let gateway = Gateway::beside(&service, toml).await;
    let _ = gateway.client().post("/shops/north/orders?x=%20y").json(&order()).await.is(200);
    let call = service.calls().remove(0);
    assert_eq!(call.path, "/north/shops/north/orders?x=%20y", "the request's own path, with its query");
    assert_eq!(call.method, "POST", "and its own method");
}

#[tokio::test]
async fn a_callback_is_refused_until_there_are_callbacks() {
    let (gateway, service) = orders("", "").await;
    let ask =
        gateway.client().post("/orders").json(&order()).header("callback-url", "https://example.com/done");
    let _ = ask.await.is_problem(501, "not_in_this_version");
    assert_eq!(service.calls().len(), 0, "a wish that cannot be kept is refused before anything is accepted");
}

#[tokio::test]
async fn a_schema_is_checked_before_anything_is_accepted() {
    let schema =
        r#"{"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "string"}}}"#;
    let (setup, service) = orders_setup(r#"schema = "order.json""#, "").await;
    let gateway = setup.file("order.json", schema).start().await;

    let wrong = gateway.client().post("/orders").json(&json!({ "order_id": 7 })).await;
    let wrong = wrong.is_problem(422, "schema_violation");
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/order_id", "it says where");
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    let calls = service.called("/orders", 1).await;
    assert_eq!(calls.len(), 1, "what was refused never reaches the service");
}
