//! Real brokers for tests, without containers: found on the machine, started on free ports with their data in a
//! temporary folder, killed, paused and restarted at will, and gone when the test process is gone, however it ends.
//!
//! ```no_run
//! # use sidegate_test_brokers::{Nats, NatsOptions, available};
//! # async fn example() {
//! let Some(nats) = available(Nats::start(NatsOptions::default()).await) else { return };
//! println!("{} listens at {}", nats.url(), nats.address());
//! nats.kill();                   // SIGKILL: what was not written is lost
//! nats.start_again().await;      // same port, same data
//! nats.restart().await;          // SIGTERM and again
//! nats.pause();                  // SIGSTOP: connected, and mute
//! nats.resume();
//! # }
//! ```
//!
//! [`Nats`], [`Rabbit`], [`Kafka`] and [`Redis`] are each a [`Server`] with options of their own; what starts slowly is
//! shared among the tests of a process by `shared()`. What is not installed is [`Missing`]: a visible skip on a
//! laptop, a failure where `CI` is set. `tests/tools/brokers.sh` installs all of them.
//!
//! Everything here is for tests within a tokio runtime, and a step that cannot be taken panics with the end of the
//! server's log: in a test that is the report. Nothing here talks to a broker beyond asking whether it is ready, and
//! nothing stands in for one.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a step of a test that fails is a failed test, and says so on standard error"
)]

mod environment;
mod missing;

mod login;
mod port;
mod tls;

mod log;
mod plan;
mod run;
mod server;

mod jwt;
mod kafka;
mod kafka_properties;
mod nats;
mod rabbit;
mod redis;

pub use kafka::{Kafka, KafkaOptions};
pub use login::Login;
pub use missing::{Missing, available};
pub use nats::{Nats, NatsLogin, NatsOptions};
pub use port::Port;
pub use rabbit::{Rabbit, RabbitOptions};
pub use redis::{Redis, RedisOptions};
pub use server::Server;
pub use tls::{Certificates, Tls};
