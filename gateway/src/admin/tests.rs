//! A running gateway, asked over a real socket as an operator asks it.

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use sidegate_config::Settings;
use sidegate_config::settings::{Authority, Listen, Secret, StoreUrl};
use sidegate_core::{Answer, Timestamp};
use sidegate_store::NewParked;
use tokio::time::{Duration, Instant};

use crate::app::{App, Parts};
use crate::body::Body;
use crate::clock;
use crate::describe::sample;

const ORDER: &str = r#"{"customer_id":"c-1","lines":[]}"#;
const TOKEN: &str = "Bearer s3cret";

struct Gateway(App);

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn settings() -> Settings {
    let anywhere = || Listen::Tcp("127.0.0.1:0".parse().expect("an address"));
    let mut settings = sample::settings();
    settings.gateway.listen = anywhere();
    settings.gateway.admin = anywhere();
    settings.gateway.drain = Duration::from_secs(2);
    settings
}

impl Gateway {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(tokens: &[(&str, &str)]) -> Self {
        let mut settings = settings();
        settings.gateway.admin_tokens =
            tokens.iter().map(|(name, token)| ((*name).into(), Secret::new((*token).to_owned()))).collect();
        Self::of(settings).await
    }

    async fn of(settings: Settings) -> Self {
        Self(
            App::start(settings, json!({ "gateway": {} }), Parts::default())
                .await
                .expect("the gateway starts"),
        )
    }

    async fn get(&self, path: &str) -> Answered {
        self.ask(&self.0.admin, Request::get(path).body(Body::empty())).await
    }

    async fn post(&self, path: &str) -> Answered {
        self.ask(&self.0.admin, Request::post(path).body(Body::empty())).await
    }

    /// An order, accepted and never answered: nobody listens where its consumer calls.
    async fn open_operation(&self) -> String {
        let request = Request::post("/orders")
            .header("idempotency-key", self.0.shared.new_id().to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(ORDER));
        let accepted = self.ask(&self.0.data, request).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
        accepted.headers["operation-id"].to_str().expect("an id").to_owned()
    }

    async fn ask(&self, listen: &Listen, request: http::Result<Request<Body>>) -> Answered {
        let Listen::Tcp(address) = listen else { panic!("these planes listen on TCP") };
        let authority = Authority { host: "127.0.0.1".into(), port: address.port(), unix: false };
        let request = request.expect("a valid request");
        let deadline = Instant::now() + Duration::from_secs(10);
        let response = self.0.shared.calls.request(&authority, request, deadline).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body: Bytes = body.collect_bounded(1 << 20, deadline).await.expect("a whole answer");
        let text = String::from_utf8(body.to_vec()).expect("the admin plane speaks UTF-8");
        Answered { status: parts.status, headers: parts.headers, text }
    }
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.json()["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        self.json()
    }
}

#[tokio::test]
async fn probes_and_metrics_need_no_token_and_everything_else_does() {
    let gateway = Gateway::start_with(&[("ops", "s3cret")]).await;
    for open in ["/live", "/ready", "/metrics"] {
        assert_eq!(gateway.get(open).await.status, StatusCode::OK, "an orchestrator has no token for {open}");
    }
    for closed in ["/", "/routes", "/operations", "/parked", "/brokers", "/config"] {
        let answered = gateway.get(closed).await;
        answered.refused(401, "unauthenticated");
        assert_eq!(answered.headers[WWW_AUTHENTICATE], "Bearer", "a client must learn how to ask");
        let with_token = Request::get(closed).header(AUTHORIZATION, TOKEN).body(Body::empty());
        gateway.ask(&gateway.0.admin, with_token).await.ok();
    }
    gateway.0.stop().await;
}

#[tokio::test]
async fn a_gateway_that_drains_is_live_but_no_longer_ready() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/ready").await.ok()["reasons"], json!([]));
    gateway.0.shared.drain.start();
    let answered = gateway.get("/ready").await;
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE, "no new request may be sent here any more");
    assert!(answered.text.contains("shutting down"), "an operator must see why: {}", answered.text);
    gateway.get("/live").await.ok();
    gateway.0.stop().await;
}

#[tokio::test]
async fn metrics_are_openmetrics_and_count_what_happened() {
    let gateway = Gateway::start().await;
    gateway.open_operation().await;
    let metrics = gateway.get("/metrics").await;
    assert!(
        metrics.headers[CONTENT_TYPE].to_str().is_ok_and(|t| t.starts_with("application/openmetrics-text"))
    );
    assert!(metrics.text.contains(r#"sidegate_requests_total{route="create-order",status="2xx"} 1"#));
    assert!(metrics.text.contains("sidegate_connections_accepted_total 1"), "{}", metrics.text);
    gateway.0.stop().await;
}

#[tokio::test]
async fn routes_consumers_and_brokers_are_told_as_they_run() {
    let gateway = Gateway::start().await;
    let routes = gateway.get("/routes").await.ok();
    assert_eq!(routes["items"][0]["name"], "create-order");
    assert_eq!(routes["items"][0]["to"], "orders.create");
    assert_eq!(routes["consumers"][1]["from"], "customers.changed");
    assert_eq!(routes["consumers"][1]["takes_messages"], true, "nothing stops this consumer");
    let brokers = gateway.get("/brokers").await.ok();
    assert_eq!((&brokers["items"][0]["name"], &brokers["items"][0]["up"]), (&json!("main"), &json!(true)));
    gateway.0.stop().await;
}

#[tokio::test]
async fn operations_are_listed_by_filter_and_page_and_shown_with_their_timeline() {
    let gateway = Gateway::start().await;
    let (first, second) = (gateway.open_operation().await, gateway.open_operation().await);
    let page = gateway.get("/operations?route=create-order&limit=1").await.ok();
    assert_eq!(page["items"][0]["id"], second, "newest first");
    let next = page["next"].as_str().expect("there is another page");
    let rest = gateway.get(&format!("/operations?route=create-order&limit=1&cursor={next}")).await.ok();
    assert_eq!(rest["items"][0]["id"], first, "the cursor goes on where the page ended");
    assert_eq!(gateway.get("/operations?status=succeeded").await.ok()["items"], json!([]));

    let shown = gateway.get(&format!("/operations/{first}")).await.ok();
    assert_eq!(shown["timeline"][0]["event"], "accepted");
    gateway.get("/operations?state=failed").await.refused(400, "bad_request");
    gateway.get("/operations/nobody").await.refused(404, "operation_not_found");
    gateway.0.stop().await;
}

#[tokio::test]
async fn an_operator_cancels_an_operation_once_and_again() {
    let gateway = Gateway::start().await;
    let id = gateway.open_operation().await;
    for _ in 0..2 {
        let cancelled = gateway.post(&format!("/operations/{id}/cancel")).await.ok();
        assert_eq!(cancelled["status"], "cancelled", "cancelling again is the same");
    }
    gateway.post("/operations/nobody/cancel").await.refused(404, "operation_not_found");
    gateway.post(&format!("/operations/{id}/skip")).await.refused(501, "not_in_this_version");
    gateway.0.stop().await;
}

fn parked(body: &'static [u8]) -> NewParked {
    NewParked {
        consumer: "create-order".into(),
        broker: "main".into(),
        destination: "orders.create".into(),
        event: false,
        message_id: "m-1".into(),
        key: None,
        reply_to: None,
        correlation_id: None,
        content_type: Some("application/json".into()),
        headers: vec![("sidegate-correlation".into(), "order-1".into())],
        body: Bytes::from_static(body),
        reason: "the service answered 500".to_owned(),
        last_answer: Some(Answer { status: 500, headers: Vec::new(), body: Bytes::from_static(b"oops") }),
        attempts: 5,
        parked_at: clock::now(),
        expires_at: Timestamp::from_unix_ms(u64::from(u32::MAX) * 1_000),
    }
}

#[tokio::test]
async fn a_parked_message_is_shown_whole_and_discarded_once() {
    let gateway = Gateway::start().await;
    let ids = gateway
        .0
        .shared
        .store
        .park(vec![parked(b"{}"), NewParked { message_id: "m-2".into(), ..parked(b"\xff") }]);
    let ids = ids.await.expect("parked");
    let list = gateway.get("/parked").await.ok();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    assert!(list["items"][0]["body"].is_null(), "a list carries no bodies");

    let shown = gateway.get(&format!("/parked/{}", ids[0])).await.ok();
    assert_eq!((&shown["body"], &shown["last_answer"]["body"]), (&json!("{}"), &json!("oops")));
    assert_eq!(shown["correlation_id"], "order-1");
    let binary = gateway.get(&format!("/parked/{}", ids[1])).await.ok();
    assert_eq!(binary["body_base64"], "/w==", "bytes that are no text are shown all the same");

    gateway.post(&format!("/parked/{}/discard", ids[0])).await.ok();
    gateway.post(&format!("/parked/{}/discard", ids[0])).await.refused(404, "parked_not_found");
    gateway.0.stop().await;
}

#[tokio::test]
async fn a_redriven_message_without_an_asker_becomes_a_new_operation() {
    let gateway = Gateway::start().await;
    let ids = gateway.0.shared.store.park(vec![parked(b"{}")]).await.expect("parked");
    let redriven = gateway.post(&format!("/parked/{}/redrive", ids[0])).await.ok();
    assert_eq!(redriven["redriven"], "new_operation");
    assert_eq!(redriven["operation"]["correlation_id"], "order-1", "it is still the business's own");
    gateway.get(&format!("/parked/{}", ids[0])).await.refused(404, "parked_not_found");
    gateway.0.stop().await;
}

#[tokio::test]
async fn a_backup_wants_json_and_an_absolute_path() {
    let gateway = Gateway::start().await;
    let backup = |media_type: &'static str, body: &'static str| {
        gateway.ask(
            &gateway.0.admin,
            Request::post("/store/backup").header(CONTENT_TYPE, media_type).body(Body::from(body)),
        )
    };
    backup("application/json", r#"{"path":"copy.db"}"#).await.refused(400, "bad_request");
    backup("application/json", r#"{"file":"/tmp/copy.db"}"#).await.refused(400, "invalid_json");
    backup("text/plain", r#"{"path":"/tmp/copy.db"}"#).await.refused(415, "unsupported_media_type");
    gateway.0.stop().await;
}

#[tokio::test]
async fn a_backup_is_a_whole_store_and_never_overwrites_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut settings = settings();
    settings.store.url = StoreUrl::Sqlite(folder.path().join("live.db"));
    let gateway = Gateway::of(settings).await;
    let id = gateway.open_operation().await;
    let copy = folder.path().join("copy.db");
    let backup = || {
        let body = Body::from(json!({ "path": copy }).to_string());
        let request = Request::post("/store/backup").header(CONTENT_TYPE, "application/json").body(body);
        gateway.ask(&gateway.0.admin, request)
    };
    assert!(backup().await.ok()["bytes"].as_u64() > Some(0), "the operator learns how large it is");
    backup().await.refused(400, "bad_request");
    gateway.0.stop().await;

    let mut restored = self::settings();
    restored.store.url = StoreUrl::Sqlite(copy);
    let gateway = Gateway::of(restored).await;
    gateway.get(&format!("/operations/{id}")).await.ok();
    gateway.0.stop().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_said_as_on_the_data_plane() {
    let gateway = Gateway::start().await;
    gateway.get("/nowhere").await.refused(404, "not_found");
    let answered = gateway.get("/store/backup").await;
    answered.refused(405, "method_not_allowed");
    assert_eq!(answered.headers[ALLOW], "POST, OPTIONS");
    let options = Request::builder().method(Method::OPTIONS).uri("/parked").body(Body::empty());
    let options = gateway.ask(&gateway.0.admin, options).await;
    assert_eq!(
        (options.status.as_u16(), &options.headers[ALLOW]),
        (204, &"GET, HEAD, OPTIONS".parse().expect("a value"))
    );
    gateway.0.stop().await;
}
