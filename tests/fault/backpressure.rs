//! A slow service slows the intake: what waits, waits on disk, within bounds, and whoever is one too many is told.

use bytes::Bytes;
use futures_util::future::join_all;
use sidegate_tests::{Client, DEADLINE, Gate, Gateway, Reply, Service, Setup, eventually};

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_slow_service_leaves_waiting_does_not_fill_the_memory() {
    const CLIENTS: usize = 8;
    const ORDERS_EACH: usize = 250;
    const ORDER_BYTES: usize = 64 * 1024;
    let (service, gate) = (Service::start().await, Gate::shut());
    service.on("POST /orders", Reply::status(204).behind(&gate));
    let toml = r#"
        [[route]]
        http = "POST /orders"
        send = "orders"
        timeout = "1h"
        [[consumer]]
        receive = "orders"
        call = "POST http://service/orders"
        concurrency = 4
        timeout = "1h"
    "#;
    let gateway = Gateway::beside(&service, toml).await;
    let before = gateway.resident_bytes();
    join_all((0..CLIENTS).map(|_| ask(gateway.client(), ORDERS_EACH, Bytes::from(vec![7; ORDER_BYTES]))))
        .await;
    service.called("/orders", 4).await;

    assert_eq!(service.open_calls(), 4, "the service gets as many at once as configured, and no more");
    let grown_mib = gateway.resident_bytes().saturating_sub(before) / MIB;
    let waiting_mib = (CLIENTS * ORDERS_EACH * ORDER_BYTES) as u64 / MIB;
    assert!(grown_mib < waiting_mib / 2, "{waiting_mib} MiB wait, and memory grew by {grown_mib} MiB");
    gate.open();
    service.called("/orders", CLIENTS * ORDERS_EACH).await;
}

async fn ask(client: Client, count: usize, body: Bytes) {
    for _ in 0..count {
        let _ = client.post("/orders").body(body.clone()).await.is(202);
    }
}

#[tokio::test]
async fn beyond_the_pending_limit_a_request_is_refused_until_there_is_room() {
    let (service, gate) = (Service::start().await, Gate::shut());
    service.on("POST /reports", Reply::status(200).behind(&gate));
    let toml = r#"
        [[route]]
        http = "POST /reports"
        call = "POST http://service/reports"
        reply = "poll"
        call_timeout = "1h"
        timeout = "1h"
    "#;
    let gateway = Setup::new(toml).beside(&service).store("pending = 20").start().await;
    let client = gateway.client();
    for _ in 0..20 {
        let _ = client.post("/reports").await.is(202);
    }
    let refused = client.post("/reports").await.is_problem(503, "pending_full");
    assert!(refused.header("retry-after").is_some(), "it says when to come again");
    assert_eq!(refused.json()["retry"], "later", "and that coming again is safe");

    gate.open();
    let accepted = eventually(DEADLINE, "there is room again", async || {
        Some(client.post("/reports").await).filter(|answer| answer.status == 202)
    });
    client.ends(&accepted.await.id()).await;
    let listed = gateway.admin().get("/operations?limit=1000").await.is(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(21), "what was refused was not stored");
}

#[tokio::test]
async fn one_caller_more_than_may_be_held_is_told_to_come_later() {
    let (service, gate) = (Service::start().await, Gate::shut());
    service.on("GET /slow", Reply::status(200).behind(&gate));
    let toml = "
        [[route]]
        http = \"GET /slow\"
        call = \"GET http://service/slow\"
    ";
    let gateway = Setup::new(toml).beside(&service).limit("held = 2").start().await;
    let held: Vec<_> = (0..2).map(|_| tokio::spawn(gateway.client().get("/slow").into_future())).collect();
    service.called("/slow", 2).await;
    let refused = gateway.client().get("/slow").await.is_problem(503, "too_many_held");
    assert!(refused.header("retry-after").is_some(), "it says when to come again");
    gate.open();
    for caller in held {
        let _ = caller.await.expect("an answer").is(200);
    }
    let _ = gateway.client().get("/slow").await.is(200);
}
