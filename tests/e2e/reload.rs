//! Changing the config of a running gateway: whole or not at all, and nobody notices who need not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sidegate_tests::{DEADLINE, Gateway, Reply, Service, eventually};

use crate::fixtures::{order, orders, orders_toml};

const MORE: &str = r#"
    [[route]]
    name = "more"
    http = "POST /more"
    send = "more"
"#;

async fn serves(gateway: &Gateway, path: &str, status: u16) {
    let what = format!("`{path}` answers {status}");
    let client = gateway.client();
    eventually(DEADLINE, &what, async || {
        (client.post(path).json(&order()).await.status == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_hang_up_makes_the_gateway_read_its_config() {
    let (gateway, service) = orders("", "").await;
    gateway.hang_up();
    gateway.logs("in force").await;
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(
        gateway.client().ends(&id).await["status"],
        "succeeded",
        "the same config is as good as before"
    );
    assert_eq!(service.calls().len(), 1, "and nothing runs twice");
}

#[tokio::test]
async fn a_changed_file_is_noticed_by_itself() {
    let (mut gateway, _service) = orders("", "").await;
    gateway.rewrite(&format!("{}{MORE}", orders_toml("", "")));
    serves(&gateway, "/more", 202).await;
}

#[tokio::test]
async fn a_route_that_is_gone_from_the_config_is_gone() {
    let (mut gateway, _service) = orders("", "").await;
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    gateway.rewrite(MORE);
    serves(&gateway, "/orders", 404).await;
    serves(&gateway, "/more", 202).await;
}

#[tokio::test]
async fn a_config_with_a_mistake_changes_nothing_and_says_so() {
    let (mut gateway, service) = orders("", "").await;
    let half_good = format!("{MORE}{}\nbogus_key = 1", orders_toml("", ""));
    gateway.rewrite(&half_good);
    gateway.hang_up();
    let line = gateway.logs("refused").await;
    assert_eq!(line["level"], "ERROR", "an operator must act: {line}");
    assert!(line.to_string().contains("bogus_key"), "and learns what is wrong: {line}");
    let _ = gateway.client().post("/more").json(&order()).await.is(404);
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    service.called("/orders", 1).await;
    assert!(gateway.is_running(), "a typing error never stops a gateway");
}

#[tokio::test]
async fn a_config_that_is_no_toml_changes_nothing() {
    let (mut gateway, _service) = orders("", "").await;
    gateway.spoil("[gateway\nname=");
    gateway.hang_up();
    gateway.logs("refused").await;
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    assert!(gateway.is_running(), "a typing error never stops a gateway");
}

#[tokio::test]
async fn no_request_is_dropped_while_the_config_changes_under_load() {
    let (mut gateway, service) = orders("reply = \"wait\"", "").await;
    service.on("POST /orders", Reply::status(200));
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..8).map(|_| tokio::spawn(ask_until(gateway.client(), Arc::clone(&done)))).collect();
    for round in 0..6 {
        let path = format!("/round-{round}");
        gateway.rewrite(&format!("{}{}", orders_toml("reply = \"wait\"", ""), MORE.replace("/more", &path)));
        gateway.hang_up();
        serves(&gateway, &path, 202).await;
    }
    done.store(true, Ordering::Relaxed);
    for asking in load {
        let answered = asking.await.expect("the load runs to its end");
        assert!(answered > 0, "every client was served all the time");
    }
}

async fn ask_until(client: sidegate_tests::Client, done: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !done.load(Ordering::Relaxed) {
        let _ = client.post("/orders").json(&order()).await.is(200);
        answered += 1;
    }
    answered
}

#[tokio::test]
async fn what_a_consumer_holds_is_finished_over_a_reload() {
    let (mut gateway, service) = orders("", "").await;
    let gate = sidegate_tests::Gate::shut();
    service.on("POST /orders", Reply::status(201).behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 1).await;
    gateway.rewrite(&format!("{}{MORE}", orders_toml("", "concurrency = 2")));
    gateway.hang_up();
    serves(&gateway, "/more", 202).await;
    gate.open();
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "with the consumer that began it");
    assert_eq!(service.calls().len(), 1, "and not a second time by the new one");
}

#[tokio::test]
async fn a_changed_service_address_takes_effect() {
    let other = Service::start().await;
    let (mut gateway, service) = orders("", "").await;
    gateway.rewrite(&format!("{}{MORE}", orders_toml("", "").replace("http://service", &other.url())));
    gateway.hang_up();
    serves(&gateway, "/more", 202).await;
    let _ = gateway.client().post("/orders").json(&order()).await.is(202);
    other.called("/orders", 1).await;
    assert_eq!(service.calls().len(), 0, "the old address is not called any more");
}
