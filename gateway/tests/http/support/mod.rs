//! A small language for these tests: an `Edge` serves, a `Client` speaks to it in raw bytes, a `Service` is asked.

mod ask;
mod client;
mod edge;
mod service;

pub(crate) use ask::{ask, get, later, pool_limits, request, text};
pub(crate) use client::Client;
pub(crate) use edge::{Edge, limits};
pub(crate) use service::Service;

use std::future::Future;
use std::time::Duration;

/// The longest that anything here may take; only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The output of `future`, which must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} did not happen within {PATIENCE:?}"),
    }
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    soon(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
