//! The network between a client and a server, with a hand on its faults: it delays, cuts, goes silent, refuses, and
//! loses answers to what was done.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use sidegate_fault_proxy::Proxy;
//! # async fn example(server: std::net::SocketAddr) {
//! let proxy = Proxy::to(server).await;
//! println!("connect to {}", proxy.address());
//! proxy.delay(Duration::from_millis(20));    // each way
//! proxy.black_hole(true);                    // connected, and nothing arrives; `false` lets it all arrive
//! proxy.swallow_answers(true);               // the server hears, the client never learns
//! proxy.lose_answers(0.05);                  // one answer in twenty is lost, and its connection with it
//! proxy.refuse(true).await;                  // nobody listens any more
//! proxy.cut().await;                         // every connection is reset
//! # }
//! ```
//!
//! It carries bytes and knows no protocol: no fault puts a client out of step with its server, as real networks do
//! not. It lives in the tokio runtime it is made in, and ends when it is dropped. A step that cannot be taken panics:
//! it is for tests.
#![expect(clippy::expect_used, reason = "a step of a test that fails is a failed test")]

mod faults;
mod pipe;
mod link;
mod network;
mod door;
mod proxy;

pub use proxy::Proxy;
