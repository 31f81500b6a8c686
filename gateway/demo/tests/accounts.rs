//! The service *accounts*, seen through its socket.

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use sidegate_demo::Service;
use support::Running;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

async fn accounts() -> Running {
    Running::start(Service::Accounts).await
}

async fn balance(bank: &Running, id: &str) -> i64 {
    let account = bank.get(&format!("/accounts/{id}")).await.is(200);
    account.body["balance"].as_i64().unwrap_or_else(|| panic!("a balance is whole won: {:#}", account.body))
}

async fn all_money(bank: &Running) -> Value {
    bank.get("/totals").await.is(200).body["balance"].clone()
}

fn order(from: &str, to: &str, amount: impl Into<Value>) -> Value {
    json!({ "from": from, "to": to, "amount": amount.into() })
}

#[tokio::test]
async fn a_transfer_takes_from_one_and_gives_to_the_other() {
    let bank = accounts().await;
    let before = (balance(&bank, "acc-0001").await, balance(&bank, "acc-0002").await);

    let made = bank.post("/transfers", order("acc-0001", "acc-0002", 12_000)).await.is(201);

    let after = (balance(&bank, "acc-0001").await, balance(&bank, "acc-0002").await);
    assert_eq!(after, (before.0 - 12_000, before.1 + 12_000), "both sides moved by the amount");
    let found = bank.get(made.header("location")).await.is(200);
    assert_eq!(found.body, made.body, "the Location leads to the transfer that was made");
}

#[tokio::test]
async fn amounts_are_numbers_or_strings_of_digits() {
    let bank = accounts().await;
    let made = bank.post("/transfers", order("acc-0001", "acc-0002", "12000")).await.is(201);
    assert_eq!(made.body["amount"], 12_000, "money is shown as whole won, however it was written");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_moves_nothing_and_gets_the_same_answer() {
    let bank = accounts().await;
    let transfer = || bank.post_with_key("/transfers", "\"order-7\"", order("acc-0001", "acc-0002", 500));
    let (first, before) = (transfer().await.is(201), balance(&bank, "acc-0001").await);

    let second = transfer().await.is(201);

    assert_eq!(second.body, first.body, "the same answer, down to the time it was made");
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(second.header("idempotency-replayed"), "true", "a repeat says that it is one");
    assert_eq!(balance(&bank, "acc-0001").await, before, "nothing moved the second time");
    bank.post_with_key("/transfers", "order-7", order("acc-0001", "acc-0002", 501))
        .await
        .refused(422, "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_repeats_are_one_transfer() {
    let bank = Arc::new(accounts().await);
    let mut repeats = JoinSet::new();
    for _ in 0..100 {
        let bank = Arc::clone(&bank);
        repeats.spawn(async move {
            bank.post_with_key("/transfers/slow?delay_ms=20", "once", order("acc-0001", "acc-0002", 500))
                .await
        });
    }
    let answers = repeats.join_all().await;

    let different: Vec<_> = answers.iter().filter(|answer| answer.body != answers[0].body).collect();
    assert!(different.is_empty(), "everybody got the same answer: {different:?}");
    assert_eq!(bank.get("/totals").await.body["transfers"], 1, "and there is one transfer");
}

#[tokio::test]
async fn an_id_names_one_transfer_whatever_the_key() {
    let bank = accounts().await;
    let order =
        |amount: i64| json!({ "id": "order-9", "from": "acc-0001", "to": "acc-0002", "amount": amount });
    let first = bank.post("/transfers", order(500)).await.is(201);
    let again = bank.post("/transfers", order(500)).await.is(201);
    assert_eq!(again.body, first.body, "ordered again it is the same transfer");
    bank.post("/transfers", order(501)).await.refused(409, "transfer_exists");
    assert_eq!(bank.get("/totals").await.body["transfers"], 1, "money moved once");
}

#[tokio::test]
async fn too_little_money_is_a_definite_no_that_stays_one() {
    let bank = accounts().await;
    let too_much = balance(&bank, "acc-0001").await + 1_000;
    let ask = || bank.post_with_key("/transfers", "rich", order("acc-0001", "acc-0002", too_much));
    let first = ask().await.refused(409, "insufficient_funds");
    bank.post("/transfers", order("acc-0003", "acc-0001", 1_000)).await.is(201);
    // Now there would be enough; but the key was answered.
    let again = ask().await.refused(409, "insufficient_funds");
    assert_eq!(again.body, first.body, "the same key gets the same answer, a refusal too");
}

#[tokio::test]
async fn a_transfer_to_nowhere_takes_nothing() {
    let bank = accounts().await;
    let (money, before) = (all_money(&bank).await, balance(&bank, "acc-0001").await);

    let to_nowhere = || bank.post_with_key("/transfers", "lost", order("acc-0001", "nobody", 500));
    to_nowhere().await.refused(404, "unknown_account");
    to_nowhere().await.refused(404, "unknown_account");
    bank.post("/transfers", order("nobody", "acc-0001", 500)).await.refused(404, "unknown_account");

    assert_eq!(balance(&bank, "acc-0001").await, before, "what was taken is put back");
    assert_eq!(all_money(&bank).await, money, "no money appears or disappears");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_money_appears_or_disappears_under_concurrent_transfers() {
    const CLIENTS: u64 = 16;
    const TRANSFERS_EACH: u64 = 40;
    let bank = Arc::new(accounts().await);
    let money = all_money(&bank).await;

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let bank = Arc::clone(&bank);
        clients.spawn(async move {
            let mut made = 0;
            for n in 0..TRANSFERS_EACH {
                // Few accounts and large amounts: contention, and many orders that cannot be carried out.
                let (from, to) = ((client + n) % 5 + 1, (client + n * 3 + 1) % 5 + 6);
                let amount = 100_000 * (1 + n % 4);
                let (from, to) = (format!("acc-{from:04}"), format!("acc-{to:04}"));
                let (from, to) = if n % 3 == 0 { (to, from) } else { (from, to) };
                let answer = bank.post("/transfers", order(&from, &to, amount)).await;
                assert!(matches!(answer.status, 201 | 409), "nothing else can happen: {:#}", answer.body);
                made += u64::from(answer.status == 201);
            }
            made
        });
    }
    let made: u64 = clients.join_all().await.into_iter().sum();

    assert!(
        made > 0 && made < CLIENTS * TRANSFERS_EACH,
        "some orders were carried out, some were not: {made}"
    );
    let totals = bank.get("/totals").await.body;
    assert_eq!(totals["transfers"], made, "each 201 is one transfer");
    assert_eq!(totals["balance"], money, "the sum of all balances never changes");
    for number in 1..=10 {
        assert!(balance(&bank, &format!("acc-{number:04}")).await >= 0, "no account goes below zero");
    }
}

#[tokio::test]
async fn a_slow_transfer_is_taken_back_by_a_client_that_leaves() {
    let bank = accounts().await;
    let slow = |id: &str| json!({ "id": id, "from": "acc-0001", "to": "acc-0002", "amount": 500 });
    let leaver = bank.under_way("/transfers/slow?delay_ms=300", slow("left")).await;
    drop(leaver);

    // It takes longer than the first would have taken; so when it is done, the first would be too.
    bank.post("/transfers/slow?delay_ms=600", slow("stayed")).await.is(201);
    bank.get("/transfers/stayed").await.is(200);
    bank.get("/transfers/left").await.refused(404, "unknown_transfer");
}

#[tokio::test]
async fn an_account_opens_empty() {
    let bank = accounts().await;
    let money = all_money(&bank).await;
    let opened = bank.post("/accounts", json!({ "customer_id": "cust-0001" })).await.is(201);
    assert_eq!(opened.body["balance"], 0, "money is moved into it, never made");
    assert_eq!(bank.get(opened.header("location")).await.is(200).body, opened.body);
    bank.post("/accounts", json!({ "id": "acc-0001", "customer_id": "cust-0001" }))
        .await
        .refused(409, "account_exists");
    assert_eq!(all_money(&bank).await, money, "opening an account adds no money");
}

#[tokio::test]
async fn a_statement_shows_the_balance_and_the_latest_transfers() {
    let bank = accounts().await;
    let first = bank.post("/transfers", order("acc-0001", "acc-0002", 500)).await.is(201);
    let second = bank.post("/transfers", order("acc-0003", "acc-0001", 700)).await.is(201);
    let statement = bank.post("/statements?delay_ms=1", json!({ "account": "acc-0001" })).await.is(200);
    assert_eq!(statement.body["account"]["balance"], balance(&bank, "acc-0001").await);
    assert_eq!(statement.body["transfers"], json!([second.body, first.body]), "the newest first");
    bank.post("/statements?delay_ms=1", json!({ "account": "nobody" })).await.refused(404, "unknown_account");
}

#[tokio::test]
async fn whatever_is_wrong_is_refused_with_its_own_code() {
    let bank = accounts().await;
    let money = all_money(&bank).await;
    let good = order("acc-0001", "acc-0002", 1).to_string();
    let too_large = format!("\"{}\"", "x".repeat(70_000));
    let cases = [
        ("POST", "/transfers", "{", 400, "invalid_json"),
        ("POST", "/transfers", "", 400, "invalid_json"),
        ("POST", "/transfers", "[]", 422, "invalid_body"),
        ("POST", "/transfers", r#"{"from":"acc-0001","to":"acc-0002"}"#, 422, "invalid_body"),
        ("POST", "/transfers", r#"{"from":"acc-0001","to":"acc-0002","amount":-1}"#, 422, "invalid_body"),
        ("POST", "/transfers", r#"{"from":"acc-0001","to":"acc-0002","amount":1.5}"#, 422, "invalid_body"),
        ("POST", "/transfers", r#"{"from":"acc-0001","to":"acc-0001","amount":1}"#, 422, "same_account"),
        (
            "POST",
            "/transfers",
            r#"{"id":"a/b","from":"acc-0001","to":"acc-0002","amount":1}"#,
            422,
            "invalid_body",
        ),
        ("POST", "/transfers", &too_large, 413, "body_too_large"),
        ("POST", "/transfers/slow?delay_ms=60001", &good, 422, "invalid_query"),
        ("POST", "/transfers/slow?delay_ms=soon", &good, 422, "invalid_query"),
        ("PUT", "/transfers", &good, 405, "method_not_allowed"),
        ("GET", "/transfers", "", 405, "method_not_allowed"),
        ("GET", "/nowhere", "", 404, "unknown_path"),
        ("GET", "/accounts/%FF", "", 400, "invalid_path"),
        ("GET", "/accounts/acc-9999", "", 404, "unknown_account"),
    ];
    for (method, path, body, status, code) in cases {
        let request = hyper::Request::builder().method(method).uri(path).body(body.to_owned());
        bank.send(request).await.refused(status, code);
    }
    let request = hyper::Request::post("/transfers").header("content-type", "text/plain").body(good.clone());
    bank.send(request).await.refused(415, "unsupported_media_type");
    let request = hyper::Request::post("/transfers").header("idempotency-key", "\"\"").body(good);
    bank.send(request).await.refused(400, "invalid_idempotency_key");
    assert_eq!(bank.get("/totals").await.body["transfers"], 0, "none of it moved money");
    assert_eq!(all_money(&bank).await, money);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones_and_head_is_get_without_a_body() {
    let bank = accounts().await;
    let refused = bank.post("/totals", json!({})).await.refused(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, HEAD");
    let head = bank.send(hyper::Request::head("/health").body(String::new())).await.is(200);
    assert_eq!(head.body, Value::Null, "HEAD has no body");
    assert_eq!(head.header("content-length"), "15", "but the headers of GET");
}

#[tokio::test]
async fn a_file_keeps_transfers_and_keys_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accounts.db");
    let bank = Running::start_on(Service::Accounts, Some(file.clone())).await;
    let made = bank.post_with_key("/transfers", "kept", order("acc-0001", "acc-0002", 500)).await.is(201);
    let (balance_before, money) = (balance(&bank, "acc-0001").await, all_money(&bank).await);
    bank.stop().await.expect("the service stops in order");

    let bank = Running::start_on(Service::Accounts, Some(file.clone())).await;
    assert_eq!(bank.get(made.header("location")).await.is(200).body, made.body, "the transfer is there");
    let again = bank.post_with_key("/transfers", "kept", order("acc-0001", "acc-0002", 500)).await.is(201);
    assert_eq!(again.body, made.body, "the key is remembered");
    assert_eq!(balance(&bank, "acc-0001").await, balance_before);
    assert_eq!(all_money(&bank).await, money, "the sample data was not added a second time");
    bank.stop().await.expect("the service stops in order");

    let other = Running::start_on(Service::Customers, Some(file)).await.ended().await;
    let refusal = other.expect_err("a service refuses another's file").to_string();
    assert!(refusal.contains("belongs to another program"), "and says why: {refusal}");
}

#[tokio::test]
async fn a_stopping_service_finishes_what_is_under_way() {
    let bank = accounts().await;
    let order = order("acc-0001", "acc-0002", 500);
    let mut client = bank.under_way("/transfers/slow?delay_ms=200", order).await;

    let stopped = tokio::spawn(bank.stop());
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer, then the end of the connection");

    assert!(answer.starts_with("HTTP/1.1 201"), "the transfer under way was finished: {answer}");
    stopped.await.expect("it does not panic").expect("and then the service stopped");
}

#[tokio::test]
async fn an_event_is_heard_once_and_shown() {
    let bank = accounts().await;
    let change = json!({ "id": "cust-0001", "district": "mapo-gu" });
    bank.post_with_key("/events/customer-changed", "e-1", change.clone()).await.is(204);
    bank.post_with_key("/events/customer-changed", "e-1", change.clone()).await.is(204);
    bank.post_with_key("/events/customer-changed", "e-2", json!({})).await.is(204);

    let heard = bank.get("/events").await.is(200).body;
    let keys: Vec<&Value> =
        heard["items"].as_array().into_iter().flatten().map(|e| &e["idempotency_key"]).collect();
    assert_eq!(keys, ["e-2", "e-1"], "the newest first, and a redelivery is not a second event");
    assert_eq!(heard["items"][1]["body"], change, "as it came");
}
