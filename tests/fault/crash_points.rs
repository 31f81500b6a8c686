//! Death at every point of one order's way: the process is killed at its Nth write to the log of the database, for
//! N = 1, 2, 3 … until it gets through.
//!
//! Where random kills find what is likely, this finds what is rare: between the record of what was executed and the
//! settling of its message lies a moment in which a redelivery must be answered, not executed.

use serde_json::json;
use sidegate_tests::{DEADLINE, Gateway, Reply, Response, Service, eventually, number_from_environment};

use crate::tools::{assert_database_is_sound, has, skip, tell};

const CONFIG: &str = r#"
    [[route]]
    http = "POST /orders"
    send = "orders"
    timeout = "1h"
    [[consumer]]
    receive = "orders"
    call = "POST http://service/orders"
"#;

/// What was seen over all points.
#[derive(Default)]
struct Seen {
    points: u64,
    executed_once: usize,
    executed_again: usize,
    answered_from_inbox: usize,
}

#[tokio::test]
async fn at_whichever_write_the_gateway_dies_the_order_reaches_one_outcome() {
    const TEST: &str = "death at every write";
    const POINTS_MAX: u64 = 2_000;
    if !has("strace") {
        return skip(TEST, "strace");
    }
    let step = number_from_environment("SIDEGATE_CRASH_POINT_STEP", 2);
    let mut seen = Seen::default();
    for point in (1..POINTS_MAX).step_by(usize::try_from(step).expect("a small number")) {
        seen.points = point;
        if !die_at(point, &mut seen).await {
            break;
        }
    }
    let Seen { points, executed_once, executed_again, answered_from_inbox } = seen;
    tell(&format!(
        "{points} writes: executed once at {executed_once} of the points, again at {executed_again}; \
         {answered_from_inbox} redeliveries were answered without an execution"
    ));
    assert!(points > 10 && points < POINTS_MAX, "an order makes some writes, and then it is through");
    assert!(executed_again > 0, "at some points the answer was not recorded yet, so it is executed again");
    assert!(answered_from_inbox > 0, "at some it was recorded and not settled: answered, not executed");
}

/// One order with a death at this write; whether there was one.
async fn die_at(point: u64, seen: &mut Seen) -> bool {
    let service = Service::start().await;
    service.on_call("POST /orders", |call| {
        Reply::json(201, &json!({ "execution": fastrand::u64(..), "key": call.key() }))
    });
    let mut gateway = Gateway::beside(&service, CONFIG).await;
    gateway.stop().await;

    let log = format!("{}-wal", gateway.database().display());
    let inject = format!("inject=write,pwrite64:signal=KILL:when={point}");
    let tracer =
        ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &log, "-e", "trace=write,pwrite64", "-e", &inject];
    let told = if gateway.restart_wrapped_in(&tracer).await { ask_to_the_end(&gateway).await } else { None };
    let survived = told.is_some() && settled(&mut gateway).await.is_some();
    if survived {
        gateway.kill();
    } else {
        gateway.ended(DEADLINE).await;
    }
    assert_database_is_sound(&gateway.database(), &format!("after death at write {point}"));

    gateway.restart_unwrapped().await;
    let outcome = ask_to_the_end(&gateway).await.expect("an untroubled gateway carries it out");
    if let Some(told) = told {
        assert_eq!(told.text(), outcome.text(), "what was told before death at write {point} still is so");
    }
    look_at_executions(&service, &mut gateway, point, seen).await;
    !survived
}

/// Asks with one key until the outcome is known; `None` when the gateway died first.
async fn ask_to_the_end(gateway: &Gateway) -> Option<Response> {
    let ask =
        gateway.client().post("/orders").json(&json!({ "order": 1 })).key("the order").prefer("wait=20");
    let answer = ask.tried().await.ok()?;
    assert!(
        answer.header("operation-status").is_some(),
        "the outcome within the wait: {} {}",
        answer.status,
        answer.text()
    );
    Some(answer)
}

/// Waits until every message is settled; the metrics then, or `None` when the gateway died first.
async fn settled(gateway: &mut Gateway) -> Option<String> {
    eventually(DEADLINE, "every message is settled", async || {
        if !gateway.is_running() {
            return Some(None);
        }
        let metrics = gateway.admin().get("/metrics").tried().await.ok()?.text();
        metrics.contains("sidegate_messages_queued 0\n").then_some(Some(metrics))
    })
    .await
}

async fn look_at_executions(service: &Service, gateway: &mut Gateway, point: u64, seen: &mut Seen) {
    let calls = service.calls_to("/orders");
    assert!(!calls.is_empty(), "an outcome needs an execution (death at write {point})");
    assert!(
        calls.iter().all(|call| call.key() == calls[0].key()),
        "one key for all (death at write {point})"
    );
    seen.executed_once += usize::from(calls.len() == 1);
    seen.executed_again += usize::from(calls.len() > 1);
    let metrics = settled(gateway).await.expect("an untroubled gateway goes on");
    seen.answered_from_inbox += usize::from(metrics.lines().any(is_answered_from_inbox));
}

fn is_answered_from_inbox(line: &str) -> bool {
    line.starts_with("sidegate_deliveries_answered_from_inbox_total") && !line.ends_with(" 0")
}
