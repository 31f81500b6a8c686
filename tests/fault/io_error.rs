//! A disk that fails at a commit: nobody knows what it wrote, so the process ends, loudly, and acknowledges nothing.

use sidegate_tests::{DEADLINE, Gateway, Service, Setup};

use crate::tools::{assert_database_is_sound, has, skip};

const CONFIG: &str = r#"
    [[route]]
    http = "POST /orders"
    send = "orders"
    timeout = "1h"
    [[consumer]]
    receive = "orders"
    call = "POST http://service/orders"
"#;

#[tokio::test]
async fn an_error_at_a_commit_ends_the_process_and_nothing_is_acknowledged_after_it() {
    const TEST: &str = "an error at a commit";
    if !has("strace") {
        return skip(TEST, "strace");
    }
    let service = Service::start().await;
    // From the sixtieth sync of a thread on: the writer gets there, the start does not.
    let inject = "inject=fsync,fdatasync:error=EIO:when=60+";
    let tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", inject];
    let mut gateway = Setup::new(CONFIG).beside(&service).wrapped_in(&tracer).start().await;

    let acknowledged = ask_until_it_dies(&gateway).await;
    let exit = gateway.ended(DEADLINE).await;
    assert!(
        exit.code.is_some_and(|code| code != 0),
        "it ends by itself, and not as if all were well: {exit:?}"
    );
    let log = gateway.log_text();
    assert!(log.contains("I/O") || log.contains("input/output"), "and says why:\n{log}");
    assert_database_is_sound(&gateway.database(), "after the error");

    gateway.restart_unwrapped().await;
    for id in &acknowledged {
        let status = gateway.client().ends(id).await;
        assert_eq!(status["status"], "succeeded", "what was acknowledged is there, and is carried out");
    }
}

/// The ids that were acknowledged until the gateway was gone.
async fn ask_until_it_dies(gateway: &Gateway) -> Vec<String> {
    const ORDERS_MAX: usize = 1_000;
    let mut acknowledged = Vec::new();
    for _ in 0..ORDERS_MAX {
        match gateway.client().post("/orders").tried().await {
            Ok(answer) if answer.status == 202 => acknowledged.push(answer.id()),
            Ok(answer) => assert!(answer.status >= 500, "refused, or broken off: {}", answer.status),
            Err(_) => return acknowledged,
        }
    }
    panic!("{ORDERS_MAX} orders were answered by a gateway whose disk fails");
}
