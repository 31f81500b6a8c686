//! The law of the broker port: one test for each behaviour that its docs promise, run against every adapter.
//!
//! An adapter implements [`Harness`] for its broker and writes one line in a test file:
//!
//! ```ignore
//! sidegate_conformance::conformance_suite!(NatsHarness::new());
//! ```
//!
//! That makes one `#[tokio::test]` of each law, under the name that stands in the port's docs. A law that needs what
//! the broker does not claim in its [`Capabilities`](sidegate_broker::Capabilities) is skipped, and says so; a broker
//! that is not there is a skip on a laptop and a failure where `CI` is set. [`broken`] holds adapters that break
//! one promise each, to show that the laws can fail.
//!
//! The suite knows no broker: it waits as long as the harness says, uses destinations that nobody used before, and
//! asks for nothing that the port does not promise.

#![expect(clippy::expect_used, reason = "a broken law panics with what it protects, as every test does")]

mod harness;
mod laws;
mod trial;

pub mod broken;

mod backpressure;
mod close;
mod order;
mod publish;
mod reconnect;
mod redeliver;
mod reply;

pub use harness::{Bounded, Harness, Missing, Patience};
pub use laws::{Law, Need, Verdict, check, laws};
