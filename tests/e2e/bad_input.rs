//! Bad input: each kind gets a clear refusal, nothing panics, and the gateway goes on as if nothing had been.

use serde_json::json;
use sidegate_tests::{Gateway, Service};

use crate::fixtures::{order, orders_setup};

const ROUTE: &str =
    "schema = \"order.json\"\nkey = \"{body/customer_id}\"\ncorrelation = \"{body/order_id}\"";
const SCHEMA: &str = r#"{"type": "object", "properties": {"number": {"type": "integer"}}}"#;

async fn gateway() -> (Gateway, Service) {
    let (setup, service) = orders_setup(ROUTE, "").await;
    (
        setup.limit("body = \"4KiB\"").limit("head = \"8KiB\"").file("order.json", SCHEMA).start().await,
        service,
    )
}

/// Nothing of all that did any harm.
async fn is_well(gateway: &mut Gateway, service: &Service) {
    assert!(gateway.is_running(), "bad input never ends the process");
    let log = gateway.log_text();
    assert!(!log.contains("panic"), "bad input never panics:\n{log}");
    let before = service.calls().len();
    assert_eq!(before, 0, "nothing bad reached the service");
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "good input is served as ever");
}

#[tokio::test]
async fn bad_bodies_are_refused_with_a_code_each() {
    let (mut gateway, service) = gateway().await;
    let large = format!("{{\"pad\":\"{}\"}}", "x".repeat(8 * 1024));
    let deep = "[".repeat(2_000);
    let table: &[(&str, &str, u16, &str)] = &[
        ("", "application/json", 400, "invalid_json"),
        ("{", "application/json", 400, "invalid_json"),
        ("{} trailing", "application/json", 400, "invalid_json"),
        ("{\"a\": nul}", "application/json", 400, "invalid_json"),
        ("\u{feff}{}", "application/json", 400, "invalid_json"),
        (&deep, "application/json", 400, "invalid_json"),
        ("[]", "application/json", 422, "schema_violation"),
        ("{\"number\": \"seven\"}", "application/json", 422, "schema_violation"),
        ("{\"number\": 1.5}", "application/json", 422, "schema_violation"),
        ("{\"order_id\": \"A\"}", "application/json", 422, "value_missing"),
        ("{\"customer_id\": \"kim\"}", "application/json", 422, "value_missing"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
        ("{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (&large, "application/json", 413, "body_too_large"),
    ];
    for (body, media_type, status, code) in table {
        let ask =
            gateway.client().post("/orders").header("content-type", media_type).body((*body).to_owned());
        let _ = ask.await.is_problem(*status, code);
    }
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn an_encoded_body_is_refused_where_it_must_be_read() {
    let (mut gateway, service) = gateway().await;
    let ask = gateway.client().post("/orders").json(&order()).header("content-encoding", "gzip");
    let _ = ask.await.is_problem(415, "unsupported_media_type");
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn bad_headers_are_refused_with_a_code_each() {
    let (mut gateway, service) = gateway().await;
    let (long, quoted) = ("k".repeat(256), "\"k\" trailing");
    let table: &[(&str, &str, u16, &str)] = &[
        ("prefer", "wait=soon", 400, "invalid_prefer"),
        ("prefer", "wait=-1", 400, "invalid_prefer"),
        ("prefer", "wait", 400, "invalid_prefer"),
        ("prefer", "wait=1.5", 400, "invalid_prefer"),
        ("idempotency-key", "", 400, "invalid_idempotency_key"),
        ("idempotency-key", "\"\"", 400, "invalid_idempotency_key"),
        ("idempotency-key", "\"open", 400, "invalid_idempotency_key"),
        ("idempotency-key", quoted, 400, "invalid_idempotency_key"),
        ("idempotency-key", &long, 400, "invalid_idempotency_key"),
        ("callback-url", "http://x", 501, "not_in_this_version"),
    ];
    for (name, value, status, code) in table {
        let _ = gateway
            .client()
            .post("/orders")
            .json(&order())
            .header(name, value)
            .await
            .is_problem(*status, code);
    }
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn a_key_sent_twice_is_refused() {
    let (mut gateway, service) = gateway().await;
    let ask = gateway.client().post("/orders").json(&order()).key("a").key("b");
    let _ = ask.await.is_problem(400, "invalid_idempotency_key");
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn unknown_places_and_methods_are_told_apart() {
    let (mut gateway, service) = gateway().await;
    let client = gateway.client();
    let _ = client.get("/nothing").await.is_problem(404, "not_found");
    let _ = client.get("/orders/").await.is_problem(404, "not_found");
    let _ = client.get("/operations").await.is_problem(404, "not_found");
    let _ = client.get("/operations/x/y").await.is_problem(404, "not_found");
    let _ = client.post("/correlations/A-1").await.is_problem(501, "not_in_this_version");
    let _ = client.get("/events").await.is_problem(501, "not_in_this_version");
    for (method, path, allowed) in [
        ("PUT", "/orders", "POST"),
        ("GET", "/orders", "POST"),
        ("BREW", "/orders", "POST"),
        ("POST", "/operations/x", "DELETE"),
        ("PUT", "/operations/x/result", "GET"),
        ("GET", "/operations/x/outcome", "PUT"),
    ] {
        let refused = client.request(method, path).await.is_problem(405, "method_not_allowed");
        let allow = refused.header("allow").unwrap_or_default();
        assert!(allow.split(", ").any(|word| word == allowed), "{method} {path}: allow is `{allow}`");
    }
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn options_tell_what_is_allowed() {
    let (gateway, _service) = gateway().await;
    let options = gateway.client().request("OPTIONS", "/orders").await.is(204);
    assert_eq!(options.header("allow"), Some("POST, OPTIONS"), "what the route serves");
    let options = gateway.client().request("OPTIONS", "/operations/x").await.is(204);
    assert!(
        options.header("allow").is_some_and(|allow| allow.contains("DELETE")),
        "what an operation serves"
    );
}

#[tokio::test]
async fn malformed_http_is_refused_and_the_connection_closed() {
    let (mut gateway, service) = gateway().await;
    let many = "x: y\r\n".repeat(400);
    let long = "x".repeat(20_000);
    let table: &[(&str, String, &[u16])] = &[
        ("no http", "hello\r\n\r\n".to_owned(), &[400]),
        ("an unknown version", "GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), &[400, 505]),
        ("a broken header", "GET / HTTP/1.1\r\nhost: x\r\nbroken\r\n\r\n".to_owned(), &[400]),
        ("a space in a name", "GET / HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n".to_owned(), &[400]),
        ("a space before the colon", "GET / HTTP/1.1\r\nhost: x\r\na : c\r\n\r\n".to_owned(), &[400]),
        ("a control character", "GET / HTTP/1.1\r\nhost: x\r\na: b\u{1}c\r\n\r\n".to_owned(), &[400]),
        ("a length that is no number", post("content-length: ten", "x"), &[400]),
        ("a negative length", post("content-length: -1", ""), &[400]),
        ("two lengths", post("content-length: 2\r\ncontent-length: 3", "{}x"), &[400]),
        ("an unknown transfer coding", post("transfer-encoding: gzip", "x"), &[400, 411, 501]),
        ("a chunk size that is none", post("transfer-encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"), &[400]),
        ("too many headers", format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), &[431]),
        ("too long a header", format!("GET / HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n"), &[431]),
        ("too long a path", format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), &[414, 431]),
    ];
    for (what, bytes, statuses) in table {
        let answer = gateway.client().raw(bytes).await;
        assert!(answer.closed, "{what}: the rest of the connection cannot be trusted: {}", answer.text);
        let refused = matches!(answer.statuses()[..], [status] if statuses.contains(&status));
        assert!(refused, "{what}: one answer of {statuses:?}, not {}", answer.text);
    }
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn a_length_and_chunks_together_are_never_two_requests() {
    let (mut gateway, service) = gateway().await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";
    let bytes = post("content-length: 5\r\ntransfer-encoding: chunked", &format!("0\r\n\r\n{hidden}"));
    let answer = gateway.client().raw(bytes).await;
    assert_eq!(answer.statuses().len(), 1, "what follows is not taken for a request: {}", answer.text);
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_is_sent() {
    let (mut gateway, service) = gateway().await;
    let head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let answer = gateway.client().raw(format!("{head}content-length: 99999999\r\n\r\n{{")).await;
    assert_eq!(answer.statuses(), [413], "the length alone is enough: {}", answer.text);
    let answer =
        gateway.client().raw(format!("{head}content-length: 99999999\r\nexpect: 100-continue\r\n\r\n")).await;
    assert!(!answer.statuses().contains(&100), "nobody is invited to send it: {}", answer.text);
    is_well(&mut gateway, &service).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_accepts_nothing() {
    let (mut gateway, service) = gateway().await;
    let (sender, body) = sidegate_tests::pieces();
    let ask = gateway.client().post("/orders").header("content-type", "application/json").streamed(body);
    let asked = tokio::spawn(ask.tried());
    sender.send(bytes::Bytes::from("{\"order_id\":")).await.expect("the request is being sent");
    asked.abort();
    let listed = gateway.admin().get("/operations").await.is(200).json();
    assert_eq!(listed["items"], json!([]), "half a request is none");
    is_well(&mut gateway, &service).await;
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\r\n\r\n{body}")
}
