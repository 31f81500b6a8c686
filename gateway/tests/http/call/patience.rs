//! An answer that stalls half-way: its caller and its connection are not kept for ever.

use std::time::Duration;

use http_body_util::BodyExt as _;
use sidegate::call::Pool;

use crate::support::{Service, ask, get, later, pool_limits, soon};

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";

#[tokio::test]
async fn a_service_that_stalls_in_the_middle_of_its_answer_is_let_go() {
    let (closed, mut is_closed) = tokio::sync::mpsc::channel(1);
    let service = Service::start(move |mut connection| {
        let closed = closed.clone();
        async move {
            connection.request().await;
            connection.write(HALF).await;
            connection.closed().await;
            closed.send(()).await.expect("the test waits");
        }
    })
    .await;
    let pool = Pool::new(pool_limits());
    let answer = ask(&pool, &service.authority, get("/")).await.expect("its head is there");
    let mut body = answer.into_body().patient(Duration::from_millis(50));
    let half = soon("what there is", body.frame()).await.expect("a piece").expect("a whole one");
    assert_eq!(half.into_data().expect("data"), "half", "what came is passed on");
    let broken =
        soon("the end of patience", body.frame()).await.expect("not an end").expect_err("not a piece");
    assert!(broken.to_string().contains("paused for more than 50ms"), "{broken}");
    drop(body);
    soon("the service noticing", is_closed.recv())
        .await
        .expect("its connection is closed, and its place free");
}

#[tokio::test]
async fn time_runs_only_while_somebody_waits_for_the_next_piece() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.answer("ok").await;
        connection.closed().await;
    })
    .await;
    let pool = Pool::new(pool_limits());
    let answer = ask(&pool, &service.authority, get("/")).await.expect("an answer");
    let body = answer.into_body().patient(Duration::ZERO);
    let taken_late = tokio::time::timeout_at(later(), async {
        tokio::task::yield_now().await;
        body.collect().await
    });
    let whole = taken_late.await.expect("in time").expect("a caller who takes his time is not cut off");
    assert_eq!(whole.to_bytes(), "ok");
}
