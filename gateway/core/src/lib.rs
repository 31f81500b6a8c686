//! The decisions of Sidegate, without their effects.
//!
//! Nothing here reads a clock, opens a socket or draws a random number: time, ids and chance are passed in, so
//! that every rule can be tested exhaustively and in simulated time.
//!
//! ```text
//! time, id          what a moment and an operation are called
//! answer            what a service said: status, headers, body
//! operation         the state machine: apply(state, event, now) -> transition
//! template          "/orders/{path.id}" compiled once, rendered in nanoseconds
//! retry             when to try again
//! ```

pub mod answer;
pub mod id;
pub mod operation;
pub mod retry;
pub mod template;
pub mod time;

pub use answer::{Answer, Headers};
pub use id::{IdSource, OperationId};
pub use retry::RetrySchedule;
pub use template::Template;
pub use time::Timestamp;
