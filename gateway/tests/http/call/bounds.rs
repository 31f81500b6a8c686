//! So many connections to a service and no more, and what becomes of those who wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sidegate::call::{CallErrorKind, Pool, PoolLimits, Sent};
use tokio::time::Instant;

use crate::support::{Service, ask, get, pool_limits, soon, text, until};

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_holds_however_many_ask_at_once() {
    const CONNECTIONS_MAX: usize = 5;
    let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, most) = (Arc::clone(&running), Arc::clone(&peak));
    let service = Service::start(move |mut connection| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            while connection.request().await.is_some() {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(1)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                connection.answer("ok").await;
            }
        }
    })
    .await;
    let pool = Arc::new(Pool::new(PoolLimits { connections_max: CONNECTIONS_MAX, ..pool_limits() }));
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let (pool, authority) = (Arc::clone(&pool), service.authority.clone());
            tokio::spawn(
                async move { text(ask(&pool, &authority, get("/")).await.expect("an answer")).await },
            )
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.expect("no panic"), "ok", "everybody gets an answer");
    }
    assert_eq!(peak.load(Ordering::SeqCst), CONNECTIONS_MAX, "the bound is used, and never passed");
    assert_eq!(service.connections(), CONNECTIONS_MAX, "and no connection more was ever opened");
    assert_eq!(service.requests(), 200, "nothing was sent twice");
}

#[tokio::test]
async fn who_waits_for_a_connection_waits_until_the_deadline_and_is_not_sent() {
    let service = Service::start(|mut connection| async move {
        connection.request().await;
        connection.closed().await;
    })
    .await;
    let pool = Arc::new(Pool::new(PoolLimits { connections_max: 1, ..pool_limits() }));
    let busy = tokio::spawn({
        let (pool, authority) = (Arc::clone(&pool), service.authority.clone());
        async move { ask(&pool, &authority, get("/first")).await }
    });
    until("the first call", || service.requests() == 1).await;
    let began = Instant::now();
    let error =
        pool.request(&service.authority, get("/second"), Instant::now() + SHORT).await.expect_err("no room");
    assert_eq!((error.kind, error.sent), (CallErrorKind::Busy, Sent::No));
    assert!(began.elapsed() >= SHORT, "it waited for its turn");
    assert_eq!(service.requests(), 1, "the service never saw it");
    busy.abort();
}

#[tokio::test]
async fn a_call_given_up_makes_room_for_the_next() {
    let service = Service::start(|mut connection| async move {
        while let Some((head, _)) = connection.request().await {
            if head.starts_with("GET /never") {
                return connection.closed().await;
            }
            connection.answer("ok").await;
        }
    })
    .await;
    let pool = Pool::new(PoolLimits { connections_max: 1, ..pool_limits() });
    for _ in 0..3 {
        let given_up = tokio::time::timeout(
            SHORT,
            pool.request(&service.authority, get("/never"), crate::support::later()),
        );
        assert!(given_up.await.is_err(), "the service does not answer");
    }
    let answer = soon("room", ask(&pool, &service.authority, get("/"))).await.expect("an answer");
    assert_eq!(text(answer).await, "ok", "no slot is lost");
}

#[tokio::test]
async fn services_do_not_wait_for_one_another() {
    let slow = Service::start(|mut connection| async move {
        connection.request().await;
        connection.closed().await;
    })
    .await;
    let quick = Service::ok().await;
    let pool = Arc::new(Pool::new(PoolLimits { connections_max: 1, ..pool_limits() }));
    let busy = tokio::spawn({
        let (pool, authority) = (Arc::clone(&pool), slow.authority.clone());
        async move { ask(&pool, &authority, get("/")).await }
    });
    until("the slow call", || slow.requests() == 1).await;
    assert_eq!(text(ask(&pool, &quick.authority, get("/")).await.expect("an answer")).await, "ok");
    busy.abort();
}
