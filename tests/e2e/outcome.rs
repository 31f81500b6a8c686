//! Answering later: a service says 202 and tells the outcome over HTTP when it has one.

use http::Uri;
use serde_json::json;
use sidegate_tests::{Call, Client, Gateway, Reply, Response, Service};

use crate::fixtures::{QUICK_RETRY, order, orders};

/// A gateway whose service has said 202 to one order: the operation's id, and the call that began it.
async fn begun() -> (Gateway, Service, String, Call) {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    service.on("POST /orders", Reply::later());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let call = service.called("/orders", 1).await.remove(0);
    (gateway, service, id, call)
}

/// The path and query of `Outcome-Url`, token included.
fn outcome_path(call: &Call) -> String {
    let url: Uri = call.header("outcome-url").expect("where to answer").parse().expect("a URL");
    url.path_and_query().expect("a path").as_str().to_owned()
}

async fn tell(client: &Client, path: &str, status: &str, body: &str) -> Response {
    client.put(path).header("sidegate-status", status).json(&json!({ "told": body })).await
}

#[tokio::test]
async fn after_202_the_operation_runs_until_its_outcome_is_told() {
    let (gateway, service, id, call) = begun().await;
    gateway.client().becomes(&id, "running").await;
    let told = tell(&gateway.client(), &outcome_path(&call), "201", "done").await;
    let _ = told.is(200);
    let ended = gateway.client().ends(&id).await;
    assert_eq!((&ended["status"], &ended["outcome"]["status"]), (&json!("succeeded"), &json!(201)));
    let result = gateway.client().result(&id).await.is(201);
    assert_eq!(result.json(), json!({ "told": "done" }), "the told body is the result");
    assert_eq!(service.calls().len(), 1, "a 202 is an answer: it is not called again");
}

#[tokio::test]
async fn without_a_status_the_outcome_is_200() {
    let (gateway, _service, id, call) = begun().await;
    let _ = gateway.client().put(&outcome_path(&call)).body("fine").await.is(200);
    gateway.client().ends(&id).await;
    assert_eq!(gateway.client().result(&id).await.is(200).text(), "fine", "the default status");
}

#[tokio::test]
async fn a_failure_can_be_told_too() {
    let (gateway, _service, id, call) = begun().await;
    let _ = tell(&gateway.client(), &outcome_path(&call), "409", "sold out").await.is(200);
    assert_eq!(gateway.client().ends(&id).await["status"], "failed", "from 400 on it is a failure");
    let _ = gateway.client().result(&id).await.is(409);
}

#[tokio::test]
async fn the_same_outcome_again_is_fine_and_another_one_is_not() {
    let (gateway, _service, id, call) = begun().await;
    let path = outcome_path(&call);
    let _ = tell(&gateway.client(), &path, "201", "done").await.is(200);
    gateway.client().ends(&id).await;
    let _ = tell(&gateway.client(), &path, "201", "done").await.is(200);
    let _ = tell(&gateway.client(), &path, "201", "otherwise").await.is_problem(409, "outcome_conflict");
    let _ = tell(&gateway.client(), &path, "500", "done").await.is_problem(409, "outcome_conflict");
    assert_eq!(
        gateway.client().result(&id).await.is(201).json(),
        json!({ "told": "done" }),
        "the first stands"
    );
}

#[tokio::test]
async fn an_outcome_may_be_faster_than_the_202() {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    let gate = sidegate_tests::Gate::shut();
    service.on("POST /orders", Reply::later().behind(&gate));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let call = service.called("/orders", 1).await.remove(0);
    let _ = tell(&gateway.client(), &outcome_path(&call), "201", "fast").await.is(200);
    gate.open();
    gateway.client().ends(&id).await;
    assert_eq!(gateway.client().result(&id).await.is(201).json(), json!({ "told": "fast" }), "not lost");
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (gateway, _service, id, call) = begun().await;
    let path = outcome_path(&call);
    assert!(path.contains("token="), "the URL alone is enough to answer: {path}");
    let wrong = format!("{}x", &path[..path.len() - 1]);
    let _ = tell(&gateway.client(), &wrong, "201", "forged").await.is_problem(403, "outcome_token_invalid");
    assert_eq!(gateway.client().operation(&id).await["outcome"], json!(null), "nothing was recorded");
}

#[tokio::test]
async fn a_token_is_good_for_its_own_operation_only() {
    let (gateway, service, _id, call) = begun().await;
    let other = gateway.client().post("/orders").json(&order()).await.is(202).id();
    service.called("/orders", 2).await;
    let token = outcome_path(&call).split_once('?').map(|(_, query)| query.to_owned()).expect("a token");
    let path = format!("/operations/{other}/outcome?{token}");
    let _ = tell(&gateway.client(), &path, "201", "forged").await.is_problem(403, "outcome_token_invalid");
}

#[tokio::test]
async fn a_status_that_is_none_is_refused() {
    let (gateway, _service, id, call) = begun().await;
    for status in ["ok", "99", "100", "600", ""] {
        let _ =
            tell(&gateway.client(), &outcome_path(&call), status, "x").await.is_problem(400, "bad_request");
    }
    assert_eq!(gateway.client().operation(&id).await["outcome"], json!(null), "nothing was recorded");
}

#[tokio::test]
async fn an_outcome_can_be_told_after_a_crash() {
    let (mut gateway, service, id, call) = begun().await;
    gateway.client().becomes(&id, "running").await;
    gateway.kill();
    gateway.restart().await;
    let _ = tell(&gateway.client(), &outcome_path(&call), "201", "done").await.is(200);
    assert_eq!(
        gateway.client().ends(&id).await["status"],
        "succeeded",
        "the token and the wait outlive the process"
    );
    assert_eq!(service.calls().len(), 1, "the service was not asked again: it had said 202");
}

#[tokio::test]
async fn an_operation_whose_outcome_is_never_told_ends_at_its_deadline() {
    let (gateway, service) = orders("timeout = \"1s\"", QUICK_RETRY).await;
    service.on("POST /orders", Reply::later());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    assert_eq!(gateway.client().ends(&id).await["status"], "timed_out", "every wait ends");
    let call = service.called("/orders", 1).await.remove(0);
    let _ = tell(&gateway.client(), &outcome_path(&call), "201", "late").await.is(409);
}

#[tokio::test]
async fn an_outcome_that_may_have_no_body_keeps_the_connection_in_step() {
    let (gateway, _service, id, call) = begun().await;
    let _ = tell(&gateway.client(), &outcome_path(&call), "204", "nothing to see").await.is(200);
    gateway.client().ends(&id).await;
    let request = format!("GET /operations/{id}/result HTTP/1.1\r\nhost: x\r\n");
    let twice = format!("{request}\r\n{request}connection: close\r\n\r\n");
    let answers = gateway.client().raw(twice).await;
    assert_eq!(answers.statuses(), [204, 204], "two requests, two answers: {}", answers.text);
}

#[tokio::test]
async fn a_conflict_says_how_it_ended() {
    let (gateway, _service, id, call) = begun().await;
    let _ = gateway.client().delete(&format!("/operations/{id}")).await.is(200);
    let refused = tell(&gateway.client(), &outcome_path(&call), "201", "late").await;
    let refused = refused.is_problem(409, "outcome_conflict");
    assert_eq!(refused.json()["operation_status"], "cancelled", "for programs");
    assert!(refused.text().contains("it was cancelled"), "and for people: {}", refused.text());
}
