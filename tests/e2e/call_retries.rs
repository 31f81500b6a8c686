//! Calls that the gateway makes for an operation: tried again, given up, and never made for nobody.

use sidegate_tests::{DEADLINE, Gateway, Reply, Service, eventually};

/// More of them than the gateway makes at once.
const MANY: usize = 100;

fn reports(more: &str) -> String {
    format!(
        r#"
        [[route]]
        http = "POST /reports"
        call = "POST http://service/reports"
        reply = "poll"
        {more}
        "#
    )
}

#[tokio::test]
async fn a_service_that_said_202_is_not_asked_again_after_a_crash() {
    let service = Service::start().await;
    service.on("POST /reports", Reply::later());
    let mut gateway = Gateway::beside(&service, &reports("")).await;
    let id = gateway.client().post("/reports").await.is(202).id();
    let call = service.called("/reports", 1).await.remove(0);
    let started = async || {
        let operation = gateway.client().operation(&id).await;
        let timeline = gateway.admin().get(&format!("/operations/{id}")).await.is(200).text();
        (operation["status"] == "running" && timeline.contains("\"sent\"")).then_some(())
    };
    eventually(DEADLINE, "the 202 is recorded", started).await;
    gateway.kill();
    gateway.restart().await;

    let next = gateway.client().post("/reports").await.is(202).id();
    service.called("/reports", 2).await;
    let calls = service.calls_to("/reports");
    let again = calls.iter().filter(|call| call.header("operation-id") == Some(&id)).count();
    assert_eq!(again, 1, "what the service has taken on is not given to it again");
    assert_eq!(calls[1].header("operation-id"), Some(next.as_str()), "what came after is");
    let url: http::Uri = call.header("outcome-url").expect("where to answer").parse().expect("a URL");
    let _ = gateway.client().put(url.path_and_query().expect("a path").as_str()).body("done").await.is(200);
    assert_eq!(gateway.client().ends(&id).await["status"], "succeeded", "and can be answered still");
}

#[tokio::test]
async fn a_cancelled_operation_makes_room_for_the_next() {
    let service = Service::start().await;
    service.on_call("POST /reports", |call| {
        if call.body == "good" { Reply::status(201) } else { Reply::status(500) }
    });
    let retry = r#"retry = { attempts = 9, first = "1h", factor = 1.0, max = "1h", jitter = 0.0 }
        timeout = "12h""#;
    let gateway = Gateway::beside(&service, &reports(retry)).await;
    let client = gateway.client();
    let mut bad = Vec::new();
    for _ in 0..MANY {
        bad.push(client.post("/reports").body("bad").await.is(202).id());
    }
    let good = client.post("/reports").body("good").await.is(202).id();
    for id in &bad {
        let _ = client.delete(&format!("/operations/{id}")).await.is(200);
    }
    assert_eq!(
        client.ends(&good).await["status"],
        "succeeded",
        "nobody waits an hour for what was cancelled"
    );
}

#[tokio::test]
async fn a_cancelled_operation_ends_the_call_that_is_made_for_it() {
    let service = Service::start().await;
    service.on("POST /reports", Reply::hang());
    let gateway = Gateway::beside(&service, &reports("call_timeout = \"1h\"\ntimeout = \"2h\"")).await;
    let id = gateway.client().post("/reports").await.is(202).id();
    service.called("/reports", 1).await;
    let _ = gateway.client().delete(&format!("/operations/{id}")).await.is(200);
    eventually(DEADLINE, "the call has ended", async || (service.open_calls() == 0).then_some(())).await;
}
