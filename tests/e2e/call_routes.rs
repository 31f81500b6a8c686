//! Calls: a service asked directly, streamed through while the caller waits, or made asynchronous.

use bytes::Bytes;
use serde_json::json;
use sidegate_tests::{DEADLINE, Gate, Gateway, Reply, Service, eventually, pieces};

use crate::fixtures::order;

const STOCK: &str = r#"
    [[route]]
    name = "stock"
    http = "GET /stock/{sku}"
    call = "GET http://service/items/{path.sku}?lang={query.lang}"

    [[route]]
    name = "upload"
    http = "POST /upload/{*rest}"
    call = "POST http://service/files/{path.rest}"
"#;

const REPORT: &str = r#"
    [[route]]
    name = "report"
    http = "POST /reports"
    call = "POST http://service/reports"
    reply = "poll"
    retry = { attempts = 3, first = "20ms", factor = 1.0, jitter = 0.0 }
"#;

async fn beside(toml: &str) -> (Gateway, Service) {
    let service = Service::start().await;
    (Gateway::beside(&service, toml).await, service)
}

#[tokio::test]
async fn the_service_is_asked_and_answers_directly() {
    let (gateway, service) = beside(STOCK).await;
    service.on("GET /items/*", Reply::json(200, &json!({ "left": 3 })).header("x-shelf", "B"));
    let response = gateway.client().get("/stock/green-tea?lang=ko").await.is(200);
    assert_eq!(response.json(), json!({ "left": 3 }), "the service's answer");
    assert_eq!(response.header("x-shelf"), Some("B"), "with its headers");
    assert_eq!(service.calls()[0].path, "/items/green-tea?lang=ko", "path and query by the templates");
}

#[tokio::test]
async fn what_goes_into_a_path_is_encoded_and_a_rest_is_not() {
    let (gateway, service) = beside(STOCK).await;
    let _ = gateway.client().get("/stock/a%2Fb%3Fc?lang=%26x%3D1").await.is(200);
    assert_eq!(service.calls()[0].path, "/items/a%2Fb%3Fc?lang=%26x%3D1", "a value stays in its place");
    let _ = gateway.client().post("/upload/a/b%20c/d").await.is(200);
    assert_eq!(service.calls()[1].path, "/files/a/b%20c/d", "the rest of a path is a path");
}

#[tokio::test]
async fn a_value_that_would_climb_out_of_its_place_is_refused() {
    let (gateway, service) = beside(STOCK).await;
    for path in ["/stock/..", "/stock/%2e%2e", "/upload/../secret", "/upload/a/%2E%2E/b", "/upload/a/./b"] {
        let method = if path.starts_with("/stock") { "GET" } else { "POST" };
        let raw =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let answer = gateway.client().raw(raw).await;
        assert!(matches!(answer.statuses()[..], [400 | 404]), "{path} is refused: {}", answer.text);
    }
    assert_eq!(service.calls().len(), 0, "and never reaches the service");
}

#[tokio::test]
async fn both_bodies_stream_through_piece_by_piece() {
    let (gateway, service) = beside(STOCK).await;
    service.on("POST /files/*", Reply::echo());
    let (sender, body) = pieces();
    let asked = tokio::spawn(gateway.client().post("/upload/x").streamed(body).opened());
    sender.send(Bytes::from("one")).await.expect("the request is being sent");
    let mut answer = asked.await.expect("an answer");
    assert_eq!(answer.piece().await.ok().flatten(), Some(Bytes::from("one")), "back before the next is sent");
    sender.send(Bytes::from("two")).await.expect("the request is being sent");
    assert_eq!(answer.piece().await.ok().flatten(), Some(Bytes::from("two")), "nothing waits for the end");
    drop(sender);
    assert_eq!(answer.piece().await.ok().flatten(), None, "and the end is the end");
}

#[tokio::test]
async fn a_body_larger_than_the_limit_streams_through_without_being_held() {
    let service = Service::start().await;
    let gateway = sidegate_tests::Setup::new(STOCK).beside(&service).limit("body = \"16KiB\"").start().await;
    service.on("POST /files/*", Reply::echo());
    let before = gateway.resident_bytes();
    let (sender, body) = pieces();
    let asked = tokio::spawn(gateway.client().post("/upload/x").streamed(body).opened());
    let sending = tokio::spawn(async move {
        for _ in 0..1024 {
            sender.send(Bytes::from(vec![7; 64 * 1024])).await.expect("the request is being sent");
        }
    });
    let mut answer = asked.await.expect("an answer");
    let mut bytes = 0;
    while let Some(piece) = answer.piece().await.expect("a body without a break") {
        bytes += piece.len();
    }
    sending.await.expect("everything was sent");
    assert_eq!(bytes, 64 * 1024 * 1024, "every byte came through");
    let grown = gateway.resident_bytes().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "64 MiB passed, and memory grew by {grown} bytes");
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let (gateway, service) = beside(STOCK).await;
    service.on("GET /items/*", Reply::cut_mid_body());
    let broken = gateway.client().get("/stock/x").tried().await;
    let whole = broken.is_ok_and(|response| response.status == 200);
    assert!(!whole, "half an answer must not look like a whole one");
}

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_hop_both_ways() {
    let (gateway, service) = beside(STOCK).await;
    let answer =
        Reply::status(200).header("connection", "x-hop").header("x-hop", "no").header("keep-alive", "max=9");
    service.on("GET /items/*", answer.header("x-end", "yes").header("proxy-authenticate", "Basic"));
    let raw = "GET /stock/x HTTP/1.1\r\nhost: shop.example\r\nconnection: close, x-secret\r\nx-secret: no\r\n\
               te: trailers\r\nupgrade: h2c\r\nproxy-authorization: Basic no\r\nkeep-alive: 5\r\nx-end: yes\r\n\r\n";
    let answer = gateway.client().raw(raw).await;
    assert_eq!(answer.statuses(), [200], "{}", answer.text);
    assert!(answer.text.contains("x-end: yes"), "end-to-end headers come back: {}", answer.text);
    for gone in ["x-hop", "keep-alive:", "proxy-authenticate"] {
        assert!(
            !answer.text.to_lowercase().contains(gone),
            "`{gone}` was for the gateway only: {}",
            answer.text
        );
    }
    let call = service.calls().remove(0);
    assert_eq!(call.header("x-end"), Some("yes"), "end-to-end headers go on");
    for gone in ["x-secret", "te", "upgrade", "proxy-authorization", "keep-alive"] {
        assert_eq!(call.header(gone), None, "`{gone}` was for the gateway only");
    }
}

#[tokio::test]
async fn the_service_learns_who_asked_through_whom() {
    let (gateway, service) = beside(STOCK).await;
    let _ = gateway.client().get("/stock/x").header("authorization", "Bearer abc").await.is(200);
    let call = service.calls().remove(0);
    assert_eq!(call.header("authorization"), Some("Bearer abc"), "a direct call is end to end");
    assert!(call.header("via").is_some_and(|via| via.starts_with("1.1 ")), "{:?}", call.header("via"));
    let forwarded = call.header("forwarded").unwrap_or_default();
    assert!(forwarded.contains("for=") && forwarded.contains("127.0.0.1"), "{forwarded}");
    assert_eq!(
        call.header("host"),
        Some(service.url().trim_start_matches("http://")),
        "the host is the service's"
    );
}

#[tokio::test]
async fn the_services_errors_pass_as_its_own() {
    let (gateway, service) = beside(STOCK).await;
    service.on("GET /items/*", Reply::json(503, &json!({ "why": "stocktaking" })).header("retry-after", "9"));
    let response = gateway.client().get("/stock/x").await.is(503);
    assert_eq!(response.header("sidegate-error-source"), Some("service"), "whose error it is");
    assert_eq!(response.header("retry-after"), Some("9"), "with what the service says");
    assert_eq!(response.json(), json!({ "why": "stocktaking" }), "in its own words");
    assert_eq!(service.calls().len(), 1, "a held call is not repeated by the gateway");
}

#[tokio::test]
async fn a_dead_service_is_502_of_the_gateway_and_a_slow_one_504() {
    let (gateway, mut service) = beside(&STOCK.replace("name = \"stock\"", "timeout = \"500ms\"")).await;
    service.on("GET /items/*", Reply::hang());
    let _ = gateway.client().get("/stock/x").await.is_problem(504, "deadline_exceeded");
    service.on("GET /items/*", Reply::closed());
    let _ = gateway.client().get("/stock/x").await.is_problem(502, "service_unreachable");
    service.stop().await;
    let _ = gateway.client().get("/stock/x").await.is_problem(502, "service_unreachable");
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_call() {
    let (gateway, service) = beside(STOCK).await;
    service.on("GET /items/*", Reply::hang());
    let asked = tokio::spawn(gateway.client().get("/stock/x").tried());
    eventually(DEADLINE, "the service is asked", async || (service.open_calls() == 1).then_some(())).await;
    asked.abort();
    eventually(DEADLINE, "the call is given up", async || (service.open_calls() == 0).then_some(())).await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let (gateway, service) = beside(STOCK).await;
    service.on("HEAD /items/*", Reply::status(200).header("x-shelf", "B"));
    let response = gateway.client().request("HEAD", "/stock/x").await.is(200);
    assert_eq!((response.body.len(), response.header("x-shelf")), (0, Some("B")), "the headers alone");
    assert_eq!(service.calls()[0].method, "HEAD", "the service is asked the same");
}

#[tokio::test]
async fn polling_makes_a_slow_service_asynchronous() {
    let (gateway, service) = beside(REPORT).await;
    let gate = Gate::shut();
    service.on("POST /reports", Reply::json(200, &json!({ "pages": 9 })).behind(&gate));
    let id = gateway.client().post("/reports").json(&order()).await.is(202).id();
    service.called("/reports", 1).await;
    gateway.client().becomes(&id, "running").await;
    gate.open();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "it was called, not sent");
    assert_eq!(
        gateway.client().result(&id).await.is(200).json(),
        json!({ "pages": 9 }),
        "and its answer is kept"
    );
}

#[tokio::test]
async fn an_asynchronous_call_is_tried_again_under_one_key_and_counted() {
    let (gateway, service) = beside(REPORT).await;
    service.on_each("POST /reports", [Reply::status(500), Reply::closed(), Reply::status(200)]);
    let id = gateway.client().post("/reports").json(&order()).await.is(202).id();
    let ended = gateway.client().ends(&id).await;
    assert_eq!(
        (&ended["status"], &ended["attempts"]),
        (&json!("succeeded"), &json!(3)),
        "as often as it was tried"
    );
    let calls = service.calls_to("/reports");
    assert!(calls.iter().all(|call| call.key() == calls[0].key()), "one Idempotency-Key for all attempts");
    assert_eq!(calls[0].header("operation-id"), Some(id.as_str()), "and the operation it is for");
}

#[tokio::test]
async fn an_asynchronous_call_survives_a_crash() {
    let (mut gateway, service) = beside(REPORT).await;
    service.on_each("POST /reports", [Reply::hang(), Reply::status(200)]);
    let id = gateway.client().post("/reports").json(&order()).await.is(202).id();
    service.called("/reports", 1).await;
    gateway.kill();
    gateway.restart().await;
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "accepted is accepted");
    let calls = service.calls_to("/reports");
    assert_eq!(calls[0].key(), calls[1].key(), "the service can tell that it is the same");
}

#[tokio::test]
async fn an_asynchronous_call_may_be_answered_later() {
    let (gateway, service) = beside(REPORT).await;
    service.on("POST /reports", Reply::later());
    let id = gateway.client().post("/reports").json(&order()).await.is(202).id();
    let call = service.called("/reports", 1).await.remove(0);
    let url: http::Uri = call.header("outcome-url").expect("where to answer").parse().expect("a URL");
    let path = url.path_and_query().expect("a path").as_str().to_owned();
    let _ = gateway.client().put(&path).body("nine pages").await.is(200);
    gateway.client().ends(&id).await;
    assert_eq!(gateway.client().result(&id).await.is(200).text(), "nine pages", "told when it was ready");
}
